// Files that are read: regular files only, opened without blocking, read by offset.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/error.h"

namespace trireme {

// Owns a file descriptor.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int descriptor) noexcept : descriptor_(descriptor) {}
  FileHandle(FileHandle&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileHandle() { close(); }

  int get() const noexcept { return descriptor_; }
  explicit operator bool() const noexcept { return descriptor_ >= 0; }
  // Closes now; the error number of close(2), or 0.
  int close() noexcept;

 private:
  int descriptor_ = -1;
};

enum class Links : std::uint8_t { follow, refuse };

// A regular file opened for reading. A missing or unreadable path, a folder, FIFO, socket or device is an Error that
// names the path. Reading is by offset with pread: a file that shrinks while it is in use is an Error too, where a
// mapping of it would end the process.
class InputFile {
 public:
  InputFile(std::string_view where, std::string path, Links links = Links::follow);

  const std::string& path() const noexcept { return path_; }
  std::int64_t size() const noexcept { return size_; }  // bytes, when the file was opened
  // Bytes [offset, offset + bytes) into `out`. Safe to call from several threads.
  void read(std::int64_t offset, void* out, std::int64_t bytes) const;
  // The whole file; an Error when it is larger than `limit` bytes.
  std::string read_all(std::int64_t limit) const;

 private:
  std::string where_;
  std::string path_;
  FileHandle file_;
  std::int64_t size_ = 0;
};

// What the system says about an error number: "No space left on device".
std::string system_message(int error_number);
// The same about a write that failed, with what to do about the errors that users meet.
std::string reason_and_remedy(int error_number);

}  // namespace trireme
