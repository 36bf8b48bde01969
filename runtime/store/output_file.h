// Files that are written: every system call is checked, and a test can make any of them fail.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "runtime/base/file.h"

namespace trireme::store {

// Asked before every call that changes the disk ("mkdir", "open", "write", "fsync", "rename", ...) with the path that
// it concerns. Returns 0 to go on, or the error number that the call is to fail with. Empty: always go on.
using FaultHook = std::function<int(std::string_view call, const std::string& path)>;

// A new file. It must not exist yet.
class OutputFile {
 public:
  OutputFile(std::string_view where, std::string path, FaultHook fault);

  const std::string& path() const noexcept { return path_; }
  void write(std::int64_t offset, const void* data, std::int64_t bytes);
  // Makes the bytes durable and closes the file.
  void finish();

 private:
  std::string where_;
  std::string path_;
  FaultHook fault_;
  FileHandle file_;
  std::int64_t started_ = 0;  // up to here the disk has been told to begin writing
};

// Creates a folder; one that exists already is fine. The folder above it must exist.
void make_folder(std::string_view where, const std::string& path, const FaultHook& fault);
// Makes the names inside a folder durable.
void sync_folder(std::string_view where, const std::string& path, const FaultHook& fault);
// Within a folder; a file already at `to` is replaced.
void rename_file(std::string_view where, const std::string& from, const std::string& to, const FaultHook& fault);
// `from` takes the place of `to` in one step. A folder already at `to` is exchanged with it in the same step and
// then lies at `from`.
void replace_folder(std::string_view where, const std::string& from, const std::string& to, const FaultHook& fault);

// The folder that holds `path`; "." for a bare name.
std::string folder_of(const std::string& path);

}  // namespace trireme::store
