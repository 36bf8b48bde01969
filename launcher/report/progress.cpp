#include "launcher/report/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace trireme::launcher {
namespace {

constexpr double redraw_seconds = 0.1;
constexpr double memory = 20.0;  // steps that the moving means look back

std::string format(const char* how, double value) {
  char text[64];
  std::snprintf(text, sizeof text, how, value);
  return text;
}

double mixed(double mean, double value, std::int64_t before) {
  const double weight = 1.0 / std::min(static_cast<double>(before + 1), memory);
  return mean + (value - mean) * weight;
}

}  // namespace

int terminal_columns(const Environment& environment) {
  constexpr int usual = 80;
  if (const char* columns = environment(variables::terminal)) return std::max(std::atoi(columns), 0);
  if (launched_by(environment).is_rank() || !isatty(STDOUT_FILENO)) return 0;
  if (const char* kind = environment("TERM"); kind && std::string_view(kind) == "dumb") return 0;
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return "?";
  if (value >= 999.5e6) return format("%.3gG", value / 1e9);
  if (value >= 999.5e3) return format("%.3gM", value / 1e6);
  if (value >= 999.5) return format("%.3gk", value / 1e3);
  return format("%.3g", value);
}

std::string short_time(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0.0) return "?";
  const auto whole = static_cast<long long>(std::llround(seconds));
  char text[64];
  if (whole < 60)
    std::snprintf(text, sizeof text, "%llds", whole);
  else if (whole < 3600)
    std::snprintf(text, sizeof text, "%lldm %02llds", whole / 60, whole % 60);
  else if (whole < 48 * 3600)
    std::snprintf(text, sizeof text, "%lldh %02lldm", whole / 3600, whole / 60 % 60);
  else
    std::snprintf(text, sizeof text, "%lldd %02lldh", whole / 86400, whole / 3600 % 24);
  return text;
}

Progress::Progress(ProgressOptions options, Write write, Clock clock)
    : options_(std::move(options)), write_(std::move(write)), clock_(std::move(clock)) {}

std::string Progress::line(const StepMetrics& metrics) const {
  const std::int64_t left = options_.total_steps - metrics.step;
  const double now = metrics.tokens_per_s > 0.0 ? metrics.tokens_per_s : metrics.samples_per_s;
  const double rate =
      seconds_per_step_ > 0.0 ? now * metrics.step_ms / 1e3 / seconds_per_step_ : now;  // of the mean step
  std::string text = "step " + std::to_string(metrics.step) + '/' + std::to_string(options_.total_steps);
  text += "  loss " + format("%.4f", shown_loss_);
  if (metrics.opponent) text += " against " + format("%.4f", metrics.opponent->loss);
  if (options_.columns > 0 && !validation_.empty()) text += "  " + validation_;
  text += "  " + short_number(rate) + ' ' + options_.unit + "/s";
  if (metrics.skipped) text += "  skipped";
  return text + "  " + short_time(static_cast<double>(left) * seconds_per_step_) + " left";
}

void Progress::draw(const std::string& text) {
  // Without wrapping, a window that has become narrower cuts the line instead of breaking it.
  const auto columns = static_cast<std::size_t>(std::max(options_.columns - 1, 1));
  standing_ = text.substr(0, columns);
  write_("\r\x1b[?7l" + standing_ + "\x1b[K\x1b[?7h");
}

void Progress::step(const StepMetrics& metrics) {
  seconds_per_step_ = mixed(seconds_per_step_, metrics.step_ms / 1e3, measured_);
  if (std::isfinite(metrics.loss))
    shown_loss_ = options_.columns > 0 ? mixed(shown_loss_, metrics.loss, measured_) : metrics.loss;
  ++measured_;
  const bool last = metrics.step >= options_.total_steps;
  if (options_.columns > 0) {
    const double now = clock_();
    if (!last && now - last_drawn_ < redraw_seconds) return;
    last_drawn_ = now;
    draw(line(metrics));
  } else if (last || measured_ == 1 || metrics.step % options_.every_steps == 0) {
    write_(line(metrics) + '\n');
  }
}

void Progress::validation(const Validation& validation) {
  validation_ = "validation " + format("%.4f", validation.loss);
  if (!validation.measures.scalars.empty()) {
    const metrics::Measure& first = validation.measures.scalars.front();
    validation_ += "  " + first.name + ' ' + format("%.4g", first.value);
  }
  if (options_.columns == 0)
    write_("step " + std::to_string(validation.step) + '/' + std::to_string(options_.total_steps) + "  " + validation_ +
           '\n');
}

void Progress::note(std::string_view text) {
  if (options_.columns == 0) return write_(std::string(text) + '\n');
  write_("\r\x1b[K" + std::string(text) + '\n');
  if (!standing_.empty()) draw(standing_);
}

void Progress::finish() {
  if (options_.columns > 0 && !standing_.empty()) write_("\n");
  standing_.clear();
}

void Progress::to_stdout(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

double Progress::steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace trireme::launcher
