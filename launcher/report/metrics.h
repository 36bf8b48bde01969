// metrics.jsonl: what a run has measured, one JSON object per line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/file.h"
#include "runtime/metrics/measures.h"

namespace trireme::launcher {

inline constexpr const char* metrics_name = "metrics.jsonl";  // in the run's folder

// Of the second of two networks that play against each other.
struct OpponentMetrics {
  double loss = 0.0;
  double grad_norm = 0.0;
  double lr = 0.0;
};

// {"step":1,"loss":...,"grad_norm":...,"lr":...,"samples_per_s":...,"tokens_per_s":...,"step_ms":...,"skipped":false}
// and, of two networks, where all of these are the generator's, "loss_generator":..., "loss_discriminator":...,
// "grad_norm_discriminator":..., "lr_discriminator":...
struct StepMetrics {
  std::int64_t step = 0;  // steps done, this one included
  double loss = 0.0;
  double grad_norm = 0.0;
  double lr = 0.0;
  double samples_per_s = 0.0;
  double tokens_per_s = 0.0;  // 0 where samples have no tokens: written as null
  double step_ms = 0.0;
  bool skipped = false;
  std::optional<OpponentMetrics> opponent = std::nullopt;
};

// {"step":100,"validation_loss":...,"accuracy":...,...}
struct Validation {
  std::int64_t step = 0;
  double loss = 0.0;
  metrics::Measures measures = {};
};

std::string to_json(const StepMetrics& metrics);
std::string to_json(const Validation& validation);

// Appends to a file. Each line is written as it comes.
class MetricsLog {
 public:
  // Keeps what the file says about steps up to `resumed_step` and cuts off the rest (0: everything), also a line that a
  // killed run has not finished. Throws Error if the file cannot be written.
  MetricsLog(std::string path, std::int64_t resumed_step);

  void add(const StepMetrics& metrics) { append(to_json(metrics)); }
  void add(const Validation& validation) { append(to_json(validation)); }

 private:
  void append(std::string line);

  std::string path_;
  FileHandle file_;
};

// The curves in a metrics file; lines of other kinds are passed over, and so is a last line that is cut short.
struct Curves {
  std::vector<Validation> training;  // step and loss
  std::vector<Validation> validation;
};
Curves read_curves(const std::string& path);

}  // namespace trireme::launcher
