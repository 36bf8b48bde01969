#include "launcher/trainer/step_trace.h"

#include <algorithm>
#include <filesystem>

#include "launcher/report/written_file.h"
#include "parallel/pipeline/measured.h"
#include "parallel/together/together.h"

namespace trireme::launcher {

void StepTrace::before(std::int64_t step) {
  if (!steps_.contains(step) || timeline_) return;
  timeline_ = run_.backend().device->make_timeline();
  run_.backend().device->set_timeline(timeline_.get());
}

std::string StepTrace::in_folder(const char* name) const {
  return (std::filesystem::path(run_.job().run_dir()) / name).string();
}

// The first rank writes, all learn whether it could.
template <class Text>
void StepTrace::write(const std::string& path, Text&& text) {
  Device& device = *run_.backend().device;
  parallel::together(device, run_.ranks(), device.compute(), [&] {
    if (!run_.leads()) return std::string();
    write_file("--trace", path, text());
    return std::string();
  });
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
  const std::string path = in_folder(trace_name);
  write(path, [&] { return trace_file(events); });
  return "wrote " + path + "; open it with https://ui.perfetto.dev" + draw_pipeline(spans);
}

std::string StepTrace::draw_pipeline(const std::vector<Span>& spans) {
  const parallel::Mesh& mesh = run_.mesh();
  if (mesh.axis("pipeline").size() == 1) return {};
  Device& device = *run_.backend().device;
  // Of one rank for each stage: the others at a stage do the same.
  const bool shown = mesh.axis("data").index() == 0 && mesh.axis("tensor").index() == 0;
  const auto parts = parallel::together(device, run_.ranks(), device.compute(), [&] {
    return shown ? parallel::as_text(parallel::measured(spans, mesh.axis("pipeline").index())) : std::string();
  });
  std::string all;
  for (const std::string& part : parts) all += part;
  const parallel::Timeline timeline = parallel::timeline_from(all);
  const parallel::DrawOptions drawing{
      .title = run_.job().parallel().schedule() + ", " + mesh.layout().text(), .unit = "ms", .unit_scale = 1e3};
  const std::string path = in_folder(pipeline_drawing_name);
  write(path, [&] { return parallel::draw_svg(timeline, drawing); });
  return "\n" + parallel::draw_text(timeline, drawing) + "wrote " + path;
}

}  // namespace trireme::launcher
