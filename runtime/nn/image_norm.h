// Normalisation of images (N, H, W, C).
#pragma once

#include "runtime/nn/module.h"
#include "runtime/ops/image_norm.h"

namespace trireme::nn {

struct BatchNormOptions {
  float slope = 1.0f;     // of the result below zero: 0 is a ReLU
  float momentum = 0.1f;  // of the running statistics
  float epsilon = 1e-5f;
  Init weight = Init::one();
};

class BatchNorm2d : public Module {
 public:
  explicit BatchNorm2d(std::int64_t channels, const BatchNormOptions& options = {});
  Tensor forward(Context& cx, const Tensor& x);
  // With `residual` added before the slope.
  Tensor forward(Context& cx, const Tensor& x, const Tensor& residual);

  Parameter weight;         // (channels)
  Parameter bias;           // (channels)
  Buffer running_mean;      // (channels)
  Buffer running_variance;  // (channels)
  ops::SharedBatch shared;  // with those who have the other parts of the batch; empty: nobody

 private:
  BatchNormOptions options_;
};

class GroupNorm : public Module {
 public:
  GroupNorm(std::int64_t groups, std::int64_t channels, float epsilon = 1e-5f);
  Tensor forward(Context& cx, const Tensor& x);

  Parameter weight;  // (channels)
  Parameter bias;    // (channels)

 private:
  std::int64_t groups_;
  float epsilon_;
};

// Every channel of every image by itself; without weight and bias unless asked for.
class InstanceNorm : public Module {
 public:
  explicit InstanceNorm(std::int64_t channels, bool affine = false, float epsilon = 1e-5f);
  Tensor forward(Context& cx, const Tensor& x);

  Parameter weight;  // (channels); not registered where not affine
  Parameter bias;

 private:
  bool affine_;
  float epsilon_;
};

}  // namespace trireme::nn
