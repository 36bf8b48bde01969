#include "runtime/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace trireme {
namespace {

constexpr std::int64_t largest_read = std::int64_t{1} << 30;  // read(2) takes no more than 2 GiB at once

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

}  // namespace

std::string system_message(int error_number) {
  return std::generic_category().message(error_number);
}

std::string reason_and_remedy(int error) {
  std::string words = system_message(error);
  if (error == ENOSPC || error == EDQUOT) words += "; free some space; checkpoints saved before are untouched";
  if (error == EFBIG) words += "; raise the limit on file sizes (ulimit -f); checkpoints saved before are untouched";
  if (error == EROFS || error == EACCES || error == EPERM) words += "; choose a folder that can be written to";
  return words;
}

int FileHandle::close() noexcept {
  if (descriptor_ < 0) return 0;
  return ::close(std::exchange(descriptor_, -1)) == 0 ? 0 : errno;
}

InputFile::InputFile(std::string_view where, std::string path, Links links) : where_(where), path_(std::move(path)) {
  // Without O_NONBLOCK, opening a FIFO that nobody writes to would wait for ever.
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (links == Links::refuse ? O_NOFOLLOW : 0);
  file_ = FileHandle(::open(path_.c_str(), flags));
  if (!file_) {
    const int error = errno;
    if (error == ELOOP && links == Links::refuse)
      fail(where_, path_ + ": expected a regular file, found a symbolic link; put the file itself there");
    if (error == ENXIO) fail(where_, path_ + ": expected a regular file, found a socket or device");
    fail(where_, path_ + ": cannot be opened:", system_message(error) + "; check the path and its permissions");
  }
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) fail(where_, path_ + ": cannot be examined:", system_message(errno));
  if (!S_ISREG(status.st_mode)) fail(where_, path_ + ": expected a regular file, found", kind_of(status.st_mode));
  size_ = status.st_size;
}

void InputFile::read(std::int64_t offset, void* out, std::int64_t bytes) const {
  if (offset < 0 || bytes < 0 || bytes > size_ || offset > size_ - bytes)
    fail(where_, path_ + ": expected to read inside", size_, "bytes, asked for", bytes, "at offset", offset);
  char* to = static_cast<char*>(out);
  while (bytes > 0) {
    const ssize_t got = ::pread(file_.get(), to, static_cast<std::size_t>(std::min(bytes, largest_read)), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(where_, path_ + ": reading at offset", offset, "failed:", system_message(errno));
    if (got == 0)
      fail(where_, path_ + ": expected", size_, "bytes, found the end at offset", offset,
           "- it was cut short while in use; restore it and start again");
    to += got;
    offset += got;
    bytes -= got;
  }
}

std::string InputFile::read_all(std::int64_t limit) const {
  if (size_ > limit) fail(where_, path_ + ": expected at most", limit, "bytes, found", size_);
  std::string text(static_cast<std::size_t>(size_), '\0');
  read(0, text.data(), size_);
  return text;
}

}  // namespace trireme
