// Seam 1, the device: memory, streams and events. Backends: cpu, dry (counts, touches nothing), cuda.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

namespace trireme {

enum class DeviceType : std::uint8_t { cpu, dry, cuda };
std::string_view name_of(DeviceType type);
inline std::ostream& operator<<(std::ostream& out, DeviceType type) {
  return out << name_of(type);
}

// What a block of memory is for; the memory report is broken down by it.
enum class MemoryKind : std::uint8_t { weights, gradients, optimizer, activations, workspace };
inline constexpr int memory_kinds = 5;
std::string_view name_of(MemoryKind kind);

// Bytes handed out by a device's allocator: requests rounded up to 64 bytes, caches not counted.
// The rule depends on nothing but the sequence of requests, so a dry run and a real run agree to the byte.
struct MemoryReport {
  std::int64_t live = 0;
  std::int64_t peak = 0;  // largest `live` since the last reset_peak()
  std::array<std::int64_t, memory_kinds> live_by_kind{};
  std::array<std::int64_t, memory_kinds> at_peak_by_kind{};  // the breakdown of `peak`
};

// A block of device memory, released by its destructor. `data` is null on a dry device.
class Storage {
 public:
  Storage(std::byte* data, std::int64_t bytes) noexcept : data_(data), bytes_(bytes) {}
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  virtual ~Storage() = default;

  std::byte* data() const noexcept { return data_; }
  std::int64_t bytes() const noexcept { return bytes_; }

 protected:
  void set_data(std::byte* data) noexcept { data_ = data; }

 private:
  std::byte* data_;
  std::int64_t bytes_;
};

// A point in a stream's work. Copyable; default-constructed events are already reached.
class Event {
 public:
  class State {
   public:
    virtual ~State() = default;
    virtual bool reached() const = 0;
    // Blocks the host; rethrows an error of the work before the event.
    virtual void wait() = 0;
  };

  Event() = default;
  explicit Event(std::shared_ptr<State> state) : state_(std::move(state)) {}

  bool reached() const { return !state_ || state_->reached(); }
  void wait() const {
    if (state_) state_->wait();
  }
  const std::shared_ptr<State>& state() const noexcept { return state_; }

 private:
  std::shared_ptr<State> state_;
};

// An ordered queue of device work. A CPU device has two: the compute stream runs its work in the calling thread at
// once, the communication stream in a thread of its own.
class Stream {
 public:
  virtual ~Stream() = default;

  // Appends host work: on a CPU, the work itself; on a GPU, a call that enqueues on the native stream.
  virtual void run(std::function<void()> work) = 0;
  // Appends host work that itself waits, for other ranks or for what the stream has enqueued before. The caller does
  // not wait for it on a communication stream.
  virtual void run_blocking(std::function<void()> work) { run(std::move(work)); }
  virtual Event record() = 0;
  // Work appended later starts after `event`.
  virtual void wait(const Event& event) = 0;
  // Blocks the host until all work is done; rethrows the first error of that work.
  virtual void synchronize() = 0;
};

// Work that was captured once (a CUDA graph).
class Replay {
 public:
  virtual ~Replay() = default;
  // Enqueues all of it on the compute stream: the same kernels on the same memory.
  virtual void launch() = 0;
};

class Timeline;  // timeline.h

class Device {
 public:
  virtual ~Device() = default;

  virtual DeviceType type() const noexcept = 0;
  // Index among the devices of this host; 0 for cpu and dry.
  virtual int index() const noexcept = 0;
  // False on a dry device: storage has sizes but no bytes.
  bool has_data() const noexcept { return type() != DeviceType::dry; }

  // Uninitialised memory, aligned to 64 bytes at least. Zero bytes are allowed.
  virtual std::shared_ptr<Storage> allocate(std::int64_t bytes, MemoryKind kind) = 0;
  // Memory that somebody else holds (a shared window, a mapped file) but that this device's report should count.
  virtual std::shared_ptr<Storage> adopt(std::shared_ptr<Storage> owned_elsewhere, MemoryKind kind) = 0;
  virtual MemoryReport memory() const = 0;
  virtual void reset_peak() = 0;

  virtual Stream& compute() = 0;
  virtual Stream& communication() = 0;

  // In order with the compute stream; host memory may be reused on return. No-ops on a dry device.
  virtual void copy_from_host(std::byte* device, const void* host, std::int64_t bytes) = 0;
  virtual void copy_to_host(void* host, const std::byte* device, std::int64_t bytes) = 0;
  // The same in work of `stream`.run_blocking(): in order with that stream, and done on return.
  virtual void copy_from_host_on(Stream& stream, std::byte* device, const void* host, std::int64_t bytes) = 0;
  virtual void copy_to_host_on(Stream& stream, void* host, const std::byte* device, std::int64_t bytes) = 0;

  // Host memory that the device reads and writes while the host goes on (pinned, on a GPU); zeroed, not in the report.
  virtual std::shared_ptr<Storage> allocate_host(std::int64_t bytes) = 0;
  // Between device memory and that of allocate_host(), in order with the compute stream; does not wait.
  virtual void copy_to_host_later(std::byte* host, const std::byte* device, std::int64_t bytes) = 0;
  virtual void copy_from_host_later(std::byte* device, const std::byte* host, std::int64_t bytes) = 0;

  // Makes copies from and to host memory of others as fast as from that of allocate_host(), as long as the returned
  // thing lives; null where that cannot be or changes nothing.
  virtual std::shared_ptr<void> pin(std::byte* /*host*/, std::int64_t /*bytes*/) { return nullptr; }

  // Whether capture() may be called.
  virtual bool can_capture() const noexcept { return false; }
  // Notes what `work` enqueues on both streams, without running it. `work` must not wait for the device. Memory that it
  // allocates and releases stays reserved as long as the replay lives.
  virtual std::unique_ptr<Replay> capture(const std::function<void()>& work) = 0;

  // A timeline of this device's streams, and the one that work is recorded on now: null for none. It must be taken away
  // before it ends.
  virtual std::unique_ptr<Timeline> make_timeline() = 0;
  Timeline* timeline() const noexcept { return timeline_; }
  void set_timeline(Timeline* timeline) noexcept { timeline_ = timeline ? timeline : standing_; }

 protected:
  // What work is recorded on while no other timeline is set: the ranges of a profiler that is looking on.
  void set_standing_timeline(Timeline* timeline) noexcept { timeline_ = standing_ = timeline; }

 private:
  Timeline* timeline_ = nullptr;
  Timeline* standing_ = nullptr;
};

// Rounds a request up to the allocator's granule of 64 bytes.
constexpr std::int64_t rounded(std::int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}

}  // namespace trireme
