// A table played through with costs: before a run, what its timeline will look like.
#pragma once

#include <vector>

#include "parallel/pipeline/timeline.h"

namespace trireme::parallel {

// Durations in any unit.
struct PipelineCosts {
  double forward = 1.0;  // of one chunk
  double input_gradient = 1.0;
  double weight_gradient = 1.0;  // a whole backward pass lasts as long as both
  double transfer = 0.0;
  std::vector<double> stages = {};  // factors of each stage's computations; empty: 1 each
  // The part of a chunk's activations that its weight gradient still needs once the input gradient is done.
  double kept = 1.0;
};

struct Simulation {
  Timeline timeline;  // computations and transfers, by rank in order
  Usage usage;
  std::vector<double>
      in_flight;  // by rank: the most chunks' activations held at a time, as PipelineCosts::kept weighs them
};

// A rank computes in the order of its table. Its transfers go one after the other, in that order too, beside the
// computations: one begins when both ranks have ended their transfers before it and what is sent is there. Wants a
// table that check_table accepts.
Simulation simulate(const Schedule& schedule, const PipelineCosts& costs = {});

}  // namespace trireme::parallel
