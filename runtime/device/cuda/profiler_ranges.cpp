#include "runtime/device/cuda/profiler_ranges.h"

#include <nvtx3/nvToolsExt.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace trireme::cuda {
namespace {

class ProfilerRanges : public Timeline {
 public:
  ProfilerRanges(nvtxDomainHandle_t domain, Stream& compute, std::unique_ptr<Timeline> times)
      : domain_(domain), compute_(compute), times_(std::move(times)) {}
  ProfilerRanges(const ProfilerRanges&) = delete;
  ProfilerRanges& operator=(const ProfilerRanges&) = delete;
  ~ProfilerRanges() override { nvtxDomainDestroy(domain_); }

  void begin(Stream& stream, std::string_view name, std::string_view category) override {
    const std::string text(name);
    nvtxEventAttributes_t range{};
    range.version = NVTX_VERSION;
    range.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
    range.category = number_of(std::string(category));
    range.messageType = NVTX_MESSAGE_TYPE_ASCII;
    range.message.ascii = text.c_str();
    nvtxDomainRangePushEx(domain_, &range);
    if (&stream == &compute_) on_compute_.push_back(text);
    if (times_) times_->begin(stream, name, category);
  }
  void end(Stream& stream) override {
    if (times_) times_->end(stream);
    if (&stream == &compute_) on_compute_.pop_back();
    nvtxDomainRangePop(domain_);
  }
  std::string open() const override { return on_compute_.empty() ? std::string() : on_compute_.back(); }
  bool keeps_times() const override { return times_ != nullptr; }
  std::vector<Span> take() override { return times_ ? times_->take() : std::vector<Span>{}; }

 private:
  std::uint32_t number_of(const std::string& category) {
    const auto [known, fresh] = categories_.emplace(category, static_cast<std::uint32_t>(categories_.size() + 1));
    if (fresh) nvtxDomainNameCategoryA(domain_, known->second, category.c_str());
    return known->second;
  }

  nvtxDomainHandle_t domain_;
  Stream& compute_;
  std::unique_ptr<Timeline> times_;
  std::vector<std::string> on_compute_;  // names of the open spans
  std::map<std::string, std::uint32_t> categories_;
};

}  // namespace

std::unique_ptr<Timeline> with_profiler_ranges(Stream& compute, std::unique_ptr<Timeline> times) {
  const nvtxDomainHandle_t domain = nvtxDomainCreateA("trireme");  // null where nobody looks
  if (!domain) return times;
  return std::make_unique<ProfilerRanges>(domain, compute, std::move(times));
}

}  // namespace trireme::cuda
