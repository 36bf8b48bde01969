// Memory that the ranks of one host share: between threads the same mapping, between processes a memfd, which lives in
// no file system: nothing is left behind however the ranks end, and the size of /dev/shm does not matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>

namespace trireme::collectives {

// A mapping, zeroed when new, unmapped by its destructor.
class Memory {
 public:
  Memory(std::byte* base, std::int64_t bytes) noexcept : base_(base), bytes_(bytes) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  std::byte* base() const noexcept { return base_; }
  std::int64_t bytes() const noexcept { return bytes_; }

 private:
  std::byte* base_;
  std::int64_t bytes_;
};

// How another rank of the host finds the memory; sent to it as bytes.
struct MemoryHandle {
  std::int64_t process = 0;
  std::int64_t key = 0;  // a file descriptor of that process; between threads a number of the hub
  std::int64_t bytes = 0;
};

// Where ranks that are threads of one process leave memory for each other.
class MemoryHub {
 public:
  std::int64_t put(std::shared_ptr<Memory> memory);
  std::shared_ptr<Memory> get(std::int64_t key);
  void drop(std::int64_t key);

 private:
  std::mutex mutex_;
  std::int64_t next_ = 0;
  std::map<std::int64_t, std::shared_ptr<Memory>> waiting_;
};

// New memory that others may attach to for as long as the offer lives.
class Offer {
 public:
  Offer(std::shared_ptr<Memory> memory, MemoryHandle handle, std::shared_ptr<MemoryHub> hub) noexcept
      : memory_(std::move(memory)), handle_(handle), hub_(std::move(hub)) {}
  Offer(const Offer&) = delete;
  Offer& operator=(const Offer&) = delete;
  ~Offer();

  const std::shared_ptr<Memory>& memory() const noexcept { return memory_; }
  const MemoryHandle& handle() const noexcept { return handle_; }

 private:
  std::shared_ptr<Memory> memory_;
  MemoryHandle handle_;
  std::shared_ptr<MemoryHub> hub_;  // null between processes
};

class Sharing {
 public:
  static Sharing among_threads() { return Sharing(std::make_shared<MemoryHub>()); }
  static Sharing among_processes() { return Sharing(nullptr); }

  std::unique_ptr<Offer> create(std::int64_t bytes) const;
  std::shared_ptr<Memory> attach(const MemoryHandle& handle) const;

 private:
  explicit Sharing(std::shared_ptr<MemoryHub> hub) : hub_(std::move(hub)) {}

  std::shared_ptr<MemoryHub> hub_;  // null between processes
};

// Makes the pages of [begin, begin + bytes) present now, so that want of memory is an error here and not a signal
// later.
void make_present(std::byte* begin, std::int64_t bytes, std::string_view what);

}  // namespace trireme::collectives
