// Records the timeline of some steps of a run and writes it when they are over; of a pipeline, draws the last of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "launcher/report/trace.h"
#include "launcher/trainer/training_run.h"

namespace trireme::launcher {

inline constexpr const char* trace_name = "trace.json";  // in the run's folder
inline constexpr const char* pipeline_drawing_name = "pipeline.svg";

class StepTrace {
 public:
  StepTrace(TrainingRun& run, const TraceSteps& steps, std::string host)
      : run_(run), steps_(steps), host_(std::move(host)) {}
  StepTrace(const StepTrace&) = delete;
  StepTrace& operator=(const StepTrace&) = delete;
  ~StepTrace() { run_.backend().device->set_timeline(nullptr); }

  // Around step `step`, counted from one. Collective over the ranks. after() returns what there is to say, or "".
  void before(std::int64_t step);
  std::string after(std::int64_t step);

 private:
  std::string draw_pipeline(const std::vector<Span>& spans);
  std::string in_folder(const char* name) const;
  template <class Text>
  void write(const std::string& path, Text&& text);

  TrainingRun& run_;
  TraceSteps steps_;
  std::string host_;
  std::unique_ptr<Timeline> timeline_;
};

}  // namespace trireme::launcher
