// Which layers make up which stage.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trireme::parallel {

struct BalanceOptions {
  int stages = 1;
  double first = 0.0;  // what the first stage does besides its layers: the embedding
  double last = 0.0;   // what the last stage does besides: the output head and the loss
};

// The layers of each stage as the stages' ends: stage s has layers [ends[s - 1], ends[s]), at least one. The largest
// cost of a stage is as small as it can be, and among those divisions the sum of the squares is, so that no stage is
// needlessly long. Exact, by dynamic programming: time grows with stages * layers^2. Throws unless there are at least
// as many layers as stages, and costs are finite and not negative.
std::vector<std::int64_t> balance(std::span<const double> costs, const BalanceOptions& options);

// The cost of each stage of a division.
std::vector<double> stage_costs(std::span<const double> costs, std::span<const std::int64_t> ends,
                                const BalanceOptions& options);

}  // namespace trireme::parallel
