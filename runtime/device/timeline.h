// Where the time of a step goes: spans of work on a device's streams, recorded only while somebody asks.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/device/device.h"

namespace trireme {

struct Span {
  std::string name;       // "blocks.3.attention", "all_reduce gradients of ..."
  std::string category;   // "forward", "backward", "update", "communication", "data"
  std::string lane;       // "compute", "communication", "host"
  double begin_us = 0.0;  // on the host's steady clock
  double end_us = 0.0;
};

class Timeline {
 public:
  virtual ~Timeline() = default;
  // What is enqueued on `stream` from here to the matching end() is one span; spans on a stream nest.
  virtual void begin(Stream& stream, std::string_view name, std::string_view category) = 0;
  virtual void end(Stream& stream) = 0;
  // The name of the innermost open span on the compute stream: the layer that is being computed.
  virtual std::string open() const = 0;
  // Whether it keeps times, so that work must be enqueued piece by piece while it is set; otherwise it only names what
  // is enqueued, to a profiler.
  virtual bool keeps_times() const { return true; }
  // Waits for the device, and returns all spans that have ended, in the order of their beginnings, forgetting them.
  virtual std::vector<Span> take() = 0;
};

// Takes the time on the host, where the work of a CPU's streams runs. `device` outlives it.
std::unique_ptr<Timeline> make_host_timeline(Device& device);

// A span for as long as it lives; nothing where the device has no timeline.
class TimeRange {
 public:
  TimeRange(Device& device, Stream& stream, std::string_view name, std::string_view category)
      : timeline_(device.timeline()), stream_(stream) {
    if (timeline_) timeline_->begin(stream_, name, category);
  }
  // Of a forward pass.
  TimeRange(Device& device, std::string_view layer) : TimeRange(device, device.compute(), layer, "forward") {}
  TimeRange(const TimeRange&) = delete;
  TimeRange& operator=(const TimeRange&) = delete;
  ~TimeRange() {
    if (timeline_) timeline_->end(stream_);
  }

 private:
  Timeline* timeline_;
  Stream& stream_;
};

}  // namespace trireme
