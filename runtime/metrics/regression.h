// Measures of predicted numbers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/metrics/measures.h"

namespace trireme::metrics {

inline constexpr std::int64_t regression_width = 5;  // numbers in the record of a sample

// Appends the records of `samples` samples: as many predictions as targets, the same number for each sample.
void add_predicted(std::vector<double>& records, std::span<const float> predictions, std::span<const float> targets,
                   std::int64_t samples);

// mae, mse, rmse: over all elements; r2: 1 - mse / variance of the targets (NaN where they do not vary).
Measures regression_measures(std::span<const double> records);

}  // namespace trireme::metrics
