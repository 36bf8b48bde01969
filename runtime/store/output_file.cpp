#include "runtime/store/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace trireme::store {
namespace {

constexpr std::int64_t largest_write = std::int64_t{8} << 20;
constexpr std::int64_t start_every = std::int64_t{8} << 20;

int ask(const FaultHook& fault, std::string_view call, const std::string& path) {
  return fault ? fault(call, path) : 0;
}

}  // namespace

OutputFile::OutputFile(std::string_view where, std::string path, FaultHook fault)
    : where_(where), path_(std::move(path)), fault_(std::move(fault)) {
  int error = ask(fault_, "open", path_);
  if (error == 0) {
    file_ = FileHandle(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file_) error = errno;
  }
  if (error != 0) fail(where_, path_ + ": cannot be created:", reason_and_remedy(error));
}

void OutputFile::write(std::int64_t offset, const void* data, std::int64_t bytes) {
  const char* from = static_cast<const char*>(data);
  while (bytes > 0) {
    int error = ask(fault_, "write", path_);
    const auto size = static_cast<std::size_t>(std::min(bytes, largest_write));
    const ssize_t done = error == 0 ? ::pwrite(file_.get(), from, size, offset) : -1;
    if (done < 0 && error == 0) error = errno;
    if (error == EINTR) continue;
    if (error != 0)
      fail(where_, path_ + ": writing", size, "bytes at offset", offset, "failed:", reason_and_remedy(error));
    from += done;
    offset += done;
    bytes -= done;
  }
  // The disk works on what is there while the next piece is being prepared, so that the final fsync finds little left.
  if (offset - started_ >= start_every) {
    (void)::sync_file_range(file_.get(), started_, offset - started_, SYNC_FILE_RANGE_WRITE);
    started_ = offset;
  }
}

void OutputFile::finish() {
  int error = ask(fault_, "fsync", path_);
  if (error == 0 && ::fsync(file_.get()) != 0) error = errno;
  if (error != 0) fail(where_, path_ + ": making the file durable failed:", reason_and_remedy(error));
  error = ask(fault_, "close", path_);
  if (error == 0) error = file_.close();
  if (error != 0) fail(where_, path_ + ": closing failed:", reason_and_remedy(error));
}

void make_folder(std::string_view where, const std::string& path, const FaultHook& fault) {
  int error = ask(fault, "mkdir", path);
  if (error == 0 && ::mkdir(path.c_str(), 0755) != 0) error = errno;
  if (error == EEXIST) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return;
    fail(where, path + ": expected a folder, found something else; remove it or choose another path");
  }
  if (error != 0) fail(where, path + ": the folder cannot be created:", reason_and_remedy(error));
}

void sync_folder(std::string_view where, const std::string& path, const FaultHook& fault) {
  int error = ask(fault, "fsync", path);
  if (error == 0) {
    const FileHandle folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0) error = errno;
  }
  if (error != 0) fail(where, path + ": making the folder durable failed:", reason_and_remedy(error));
}

void rename_file(std::string_view where, const std::string& from, const std::string& to, const FaultHook& fault) {
  int error = ask(fault, "rename", to);
  if (error == 0 && ::rename(from.c_str(), to.c_str()) != 0) error = errno;
  if (error != 0) fail(where, to + ": cannot be put in place:", reason_and_remedy(error));
}

void replace_folder(std::string_view where, const std::string& from, const std::string& to, const FaultHook& fault) {
  int error = ask(fault, "rename", to);
  if (error == 0 && ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) error = errno;
  if (error == EEXIST)
    error = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0 ? 0 : errno;
  // Some network file systems know neither flag. A plain rename never replaces a folder that has files in it.
  if (error == EINVAL) error = ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
  if (error != 0) fail(where, to + ": cannot be put in place:", reason_and_remedy(error));
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace trireme::store
