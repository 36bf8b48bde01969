// The line that says how far a run is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "launcher/fleet/place.h"
#include "launcher/report/metrics.h"

namespace trireme::launcher {

// Columns of the terminal that stdout reaches in the end, 0 if it reaches none: as the process that started the ranks
// has said, or else as stdout itself is (under another launcher a rank's stdout is a terminal that nobody sees: 0).
int terminal_columns(const Environment& environment = process_environment());

// "1.24k", "0.053"; "3m 12s", "1h 05m".
std::string short_number(double value);
std::string short_time(double seconds);

struct ProgressOptions {
  std::int64_t first_step = 0;  // steps done before
  std::int64_t total_steps = 1;
  std::int64_t every_steps = 10;  // lines where there is no terminal
  std::string unit = "samples";   // what the rate counts
  int columns = 0;                // of the terminal; 0: plain lines
};

// On a terminal one line that is written over and over, at most ten times a second; elsewhere a line every so many
// steps.
class Progress {
 public:
  using Write = std::function<void(std::string_view)>;
  using Clock = std::function<double()>;  // seconds
  explicit Progress(ProgressOptions options, Write write = to_stdout, Clock clock = steady_seconds);

  void step(const StepMetrics& metrics);
  void validation(const Validation& validation);
  // A line of its own; the progress line goes on below it.
  void note(std::string_view text);
  // Leaves the last progress line standing.
  void finish();

  static void to_stdout(std::string_view text);
  static double steady_seconds();

 private:
  std::string line(const StepMetrics& metrics) const;
  void draw(const std::string& text);

  ProgressOptions options_;
  Write write_;
  Clock clock_;
  double last_drawn_ = -1e9;
  double seconds_per_step_ = 0.0;  // a moving mean
  std::int64_t measured_ = 0;      // steps in it
  double shown_loss_ = 0.0;        // likewise of the loss
  std::string validation_;         // what the last one found
  std::string standing_;           // what the terminal's last line shows
};

}  // namespace trireme::launcher
