#include "launcher/trainer/step_trace.h"

#include <algorithm>
#include <filesystem>

#include "launcher/report/written_file.h"
#include "parallel/together/together.h"

namespace trireme::launcher {

void StepTrace::before(std::int64_t step) {
  if (!steps_.contains(step) || timeline_) return;
  timeline_ = run_.backend().device->make_timeline();
  run_.backend().device->set_timeline(timeline_.get());
}

std::string StepTrace::after(std::int64_t step) {
  const bool last = step == std::min(steps_.last, run_.job().steps());
  if (!timeline_ || !last) return {};
  Device& device = *run_.backend().device;
  device.set_timeline(nullptr);
  const std::vector<Span> spans = timeline_->take();
  timeline_.reset();
  const auto events = parallel::together(device, run_.ranks(), device.compute(),
                                         [&] { return trace_events(spans, run_.ranks().rank(), host_); });
  const std::string path = (std::filesystem::path(run_.job().run_dir()) / trace_name).string();
  parallel::together(device, run_.ranks(), device.compute(), [&] {
    if (!run_.leads()) return std::string();
    write_file("--trace", path, trace_file(events));
    return std::string();
  });
  return path;
}

}  // namespace trireme::launcher
