// Everything a run says and writes about itself, through one rank: progress, metrics.jsonl, TensorBoard events,
// loss.svg.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "launcher/report/progress.h"
#include "launcher/report/tensorboard.h"

namespace trireme::launcher {

inline constexpr const char* plot_name = "loss.svg";      // in the run's folder
inline constexpr const char* sample_name = "sample.txt";  // likewise

struct ReportOptions {
  bool speaks = true;   // rank 0; on the others every call does nothing
  std::string run_dir;  // exists; empty: write no files
  std::string title;    // of the plot
  ProgressOptions progress;
  bool tensorboard = true;
  bool plot = true;
};

class Report {
 public:
  // Drops what the files say about steps after progress.first_step.
  explicit Report(ReportOptions options);

  void step(const StepMetrics& metrics);
  void validation(const Validation& validation);
  // Into TensorBoard alone.
  void picture(std::string_view name, std::int64_t step, const data::Image& image);
  void note(std::string_view text);
  // Draws the plot and ends the progress line. Call it however the run ends, if it is to have a plot.
  void finish();

  // Paths, empty where nothing is written.
  std::string metrics_path() const;
  std::string plot_path() const;

 private:
  ReportOptions options_;
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<MetricsLog> metrics_;
  std::unique_ptr<EventWriter> events_;
};

}  // namespace trireme::launcher
