#include "runtime/device/cuda/cuda_timeline.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/device/cuda/check.h"

namespace trireme::cuda {
namespace {

double now_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// An event that knows its time.
class Moment {
 public:
  Moment() { check(cudaEventCreate(&event_), "cudaEventCreate"); }
  Moment(const Moment&) = delete;
  Moment& operator=(const Moment&) = delete;
  ~Moment() { cudaEventDestroy(event_); }

  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "cudaEventRecord"); }
  void wait() const { check(cudaEventSynchronize(event_), "cudaEventSynchronize"); }
  double us_since(const Moment& earlier) const {
    float milliseconds = 0.0f;
    check(cudaEventElapsedTime(&milliseconds, earlier.event_, event_), "cudaEventElapsedTime");
    return static_cast<double>(milliseconds) * 1e3;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

class CudaTimeline : public Timeline {
 public:
  explicit CudaTimeline(std::shared_ptr<Memory> memory) : memory_(std::move(memory)) { set_base(); }

  void begin(Stream& stream, std::string_view name, std::string_view category) override {
    Mark& mark = marks_.emplace_back();
    mark.span = Span{.name = std::string(name), .category = std::string(category), .lane = lane(stream)};
    mark.timed = !capturing();
    of(stream).push_back(marks_.size() - 1);
    if (!mark.timed) return;
    mark.begin = std::make_shared<Moment>();
    record(stream, mark.begin);
  }

  void end(Stream& stream) override {
    Mark& mark = marks_[of(stream).back()];
    of(stream).pop_back();
    if (!mark.timed || capturing()) return;
    mark.end = std::make_shared<Moment>();
    record(stream, mark.end);
  }

  std::string open() const override {
    return on_compute_.empty() ? std::string() : marks_[on_compute_.back()].span.name;
  }

  std::vector<Span> take() override {
    memory_->communication.synchronize();
    memory_->compute.synchronize();
    std::vector<Span> spans;
    for (Mark& mark : marks_) {
      if (!mark.end) continue;
      mark.span.begin_us = base_us_ + mark.begin->us_since(base_);
      mark.span.end_us = base_us_ + mark.end->us_since(base_);
      spans.push_back(std::move(mark.span));
    }
    std::stable_sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.begin_us < b.begin_us; });
    if (on_compute_.empty() && on_communication_.empty()) marks_.clear();
    for (Mark& mark : marks_) mark.end.reset();  // taken
    set_base();
    return spans;
  }

 private:
  struct Mark {
    Span span;
    bool timed = false;
    std::shared_ptr<Moment> begin;
    std::shared_ptr<Moment> end;
  };

  // The device's clock and the host's drift apart: they are put together anew at every take().
  void set_base() {
    base_.record(memory_->compute.native());
    base_.wait();
    base_us_ = now_us();
  }
  bool capturing() const {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(memory_->compute.native(), &status), "cudaStreamIsCapturing");
    return status != cudaStreamCaptureStatusNone;
  }
  bool is_compute(Stream& stream) const { return &stream == &memory_->compute; }
  std::string lane(Stream& stream) const { return is_compute(stream) ? "compute" : "communication"; }
  std::vector<std::size_t>& of(Stream& stream) { return is_compute(stream) ? on_compute_ : on_communication_; }
  void record(Stream& stream, const std::shared_ptr<Moment>& moment) {
    stream.run([moment, native = static_cast<CudaStream&>(stream).native()] { moment->record(native); });
  }

  std::shared_ptr<Memory> memory_;
  Moment base_;
  double base_us_ = 0.0;
  std::vector<Mark> marks_;
  std::vector<std::size_t> on_compute_;  // open ones, indices of marks
  std::vector<std::size_t> on_communication_;
};

}  // namespace

std::unique_ptr<Timeline> make_cuda_timeline(std::shared_ptr<Memory> memory) {
  return std::make_unique<CudaTimeline>(std::move(memory));
}

}  // namespace trireme::cuda
