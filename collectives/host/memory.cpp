#include "collectives/host/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/base/file.h"

namespace trireme::collectives {
namespace {

constexpr std::string_view where = "shared memory";
constexpr std::int64_t huge_page = 2 << 20;
constexpr int populate_write = 23;  // MADV_POPULATE_WRITE, Linux 5.14

class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const noexcept { return number_; }
  int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_;
};

std::shared_ptr<Memory> map(std::int64_t bytes, int flags, int descriptor) {
  void* base = ::mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE, flags, descriptor, 0);
  if (base == MAP_FAILED)
    fail(where, "could not map", bytes, "bytes:", system_message(errno),
         "- use smaller buffers or fewer ranks per host");
  if (bytes >= huge_page) ::madvise(base, static_cast<std::size_t>(bytes), MADV_HUGEPAGE);  // a wish, may fail
  return std::make_shared<Memory>(static_cast<std::byte*>(base), bytes);
}

}  // namespace

Memory::~Memory() {
  ::munmap(base_, static_cast<std::size_t>(bytes_));
}

std::int64_t MemoryHub::put(std::shared_ptr<Memory> memory) {
  std::lock_guard lock(mutex_);
  waiting_[++next_] = std::move(memory);
  return next_;
}

std::shared_ptr<Memory> MemoryHub::get(std::int64_t key) {
  std::lock_guard lock(mutex_);
  const auto found = waiting_.find(key);
  if (found == waiting_.end()) fail(where, "the rank that offered memory has withdrawn it");
  return found->second;
}

void MemoryHub::drop(std::int64_t key) {
  std::lock_guard lock(mutex_);
  waiting_.erase(key);
}

Offer::~Offer() {
  if (hub_)
    hub_->drop(handle_.key);
  else
    ::close(static_cast<int>(handle_.key));
}

std::unique_ptr<Offer> Sharing::create(std::int64_t bytes) const {
  MemoryHandle handle{.process = ::getpid(), .key = 0, .bytes = bytes};
  if (hub_) {
    auto memory = map(bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    handle.key = hub_->put(memory);
    return std::make_unique<Offer>(std::move(memory), handle, hub_);
  }
  Descriptor file(::memfd_create("trireme", MFD_CLOEXEC));
  if (file.number() < 0) fail(where, "memfd_create failed:", system_message(errno));
  if (::ftruncate(file.number(), bytes) != 0)
    fail(where, "could not make", bytes, "bytes of shared memory:", system_message(errno));
  auto memory = map(bytes, MAP_SHARED | MAP_NORESERVE, file.number());
  handle.key = file.release();
  return std::make_unique<Offer>(std::move(memory), handle, nullptr);
}

std::shared_ptr<Memory> Sharing::attach(const MemoryHandle& handle) const {
  if (hub_) return hub_->get(handle.key);
  const std::string path = "/proc/" + std::to_string(handle.process) + "/fd/" + std::to_string(handle.key);
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.number() < 0)
    fail(where, "could not open", path, "of another rank on this host:", system_message(errno),
         "- the ranks of a host must run as one user and see each other in /proc");
  return map(handle.bytes, MAP_SHARED | MAP_NORESERVE, file.number());
}

void make_present(std::byte* begin, std::int64_t bytes, std::string_view what) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(begin) / page * page;
  const auto length = reinterpret_cast<std::uintptr_t>(begin) + static_cast<std::uintptr_t>(bytes) - first;
  if (bytes == 0 || ::madvise(reinterpret_cast<void*>(first), length, populate_write) == 0) return;
  if (errno == EINVAL) return;  // an older kernel: pages come at the first touch
  fail(where, "no memory for", bytes, "bytes of", what, "shared between the ranks of this host:", system_message(errno),
       "- lower the batch or model size, or raise the memory limit of the container or job");
}

}  // namespace trireme::collectives
