#include "runtime/metrics/regression.h"

#include <cmath>
#include <limits>

#include "runtime/base/error.h"

namespace trireme::metrics {

// A record: elements, sum of absolute errors, of squared errors, of targets, of squared targets.
void add_predicted(std::vector<double>& records, std::span<const float> predictions, std::span<const float> targets,
                   std::int64_t samples) {
  require(predictions.size() == targets.size() && samples > 0 && std::ssize(targets) % samples == 0, "metrics",
          "expected as many predictions as targets for", samples, "samples, found", predictions.size(), "and",
          targets.size());
  const std::size_t each = targets.size() / static_cast<std::size_t>(samples);
  for (std::size_t begin = 0; begin < targets.size(); begin += each) {
    double absolute = 0.0, squared = 0.0, sum = 0.0, squares = 0.0;
    for (std::size_t i = begin; i < begin + each; ++i) {
      const double target = double{targets[i]}, error = double{predictions[i]} - target;
      absolute += std::abs(error);
      squared += error * error;
      sum += target;
      squares += target * target;
    }
    records.insert(records.end(), {static_cast<double>(each), absolute, squared, sum, squares});
  }
}

Measures regression_measures(std::span<const double> records) {
  double all[regression_width]{};
  for (std::size_t i = 0; i < records.size(); ++i) all[i % regression_width] += records[i];
  const auto [count, absolute, squared, sum, squares] = all;
  const double mse = squared / count, variance = squares / count - (sum / count) * (sum / count);
  Measures measures;
  measures.add("mae", absolute / count);
  measures.add("mse", mse);
  measures.add("rmse", std::sqrt(mse));
  measures.add("r2", variance > 0.0 ? 1.0 - mse / variance : std::numeric_limits<double>::quiet_NaN());
  return measures;
}

}  // namespace trireme::metrics
