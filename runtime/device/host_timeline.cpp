#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "runtime/device/timeline.h"

namespace trireme {
namespace {

double now_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The times are taken by work on the streams themselves, so that they are those of the work between.
class HostTimeline : public Timeline {
 public:
  explicit HostTimeline(Device& device) : device_(device) {}

  void begin(Stream& stream, std::string_view name, std::string_view category) override {
    Span span{.name = std::string(name), .category = std::string(category), .lane = lane(stream)};
    if (&stream == &device_.compute()) layers_.emplace_back(name);
    stream.run([this, key = &stream, span = std::move(span)]() mutable {
      span.begin_us = now_us();
      const std::lock_guard lock(mutex_);
      open_[key].push_back(spans_.size());
      spans_.push_back(std::move(span));
    });
  }

  void end(Stream& stream) override {
    if (&stream == &device_.compute()) layers_.pop_back();
    stream.run([this, key = &stream] {
      const std::lock_guard lock(mutex_);
      std::vector<std::size_t>& open = open_[key];
      spans_[open.back()].end_us = now_us();
      open.pop_back();
    });
  }

  std::string open() const override { return layers_.empty() ? std::string() : layers_.back(); }

  std::vector<Span> take() override {
    device_.compute().synchronize();
    device_.communication().synchronize();
    const std::lock_guard lock(mutex_);
    std::erase_if(spans_, [](const Span& span) { return span.end_us == 0.0; });
    open_.clear();
    std::stable_sort(spans_.begin(), spans_.end(),
                     [](const Span& a, const Span& b) { return a.begin_us < b.begin_us; });
    return std::exchange(spans_, {});
  }

 private:
  std::string lane(Stream& stream) const { return &stream == &device_.compute() ? "compute" : "communication"; }

  Device& device_;
  std::vector<std::string> layers_;  // open on the compute stream
  std::mutex mutex_;
  std::map<Stream*, std::vector<std::size_t>> open_;  // indices of spans
  std::vector<Span> spans_;
};

}  // namespace

std::unique_ptr<Timeline> make_host_timeline(Device& device) {
  return std::make_unique<HostTimeline>(device);
}

}  // namespace trireme
