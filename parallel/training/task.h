// What a training step is about: the networks, and how a batch becomes a loss.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/data/batch.h"
#include "runtime/nn/module.h"

namespace trireme::parallel {

class Task {
 public:
  virtual ~Task() = default;

  virtual nn::Module& network() = 0;
  // The mean loss of a batch, one f32.
  virtual Tensor loss(Context& cx, const data::Batch& batch) = 0;

  // What throughput is counted in beside samples: "tokens"; empty when a sample is the unit.
  virtual std::string_view unit() const { return {}; }
  virtual std::int64_t units_per_sample() const { return 1; }
};

}  // namespace trireme::parallel
