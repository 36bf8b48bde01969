// Update rules over flat buffers.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/nn/flat.h"

namespace trireme::optim {

// Formulas, with g the gradient after scaling, clipping by value and the l1 and l2 penalties:
//   sgd       w -= lr g
//   momentum  m = mu m + g;  w -= lr m                                       (Polyak 1964)
//   nesterov  m = mu m + g;  w -= lr (g + mu m)                              (Sutskever et al. 2013)
//   adagrad   v += g^2;  w -= lr g / (sqrt(v) + eps)                         (Duchi et al. 2011)
//   rmsprop   v = b2 v + (1 - b2) g^2;  w -= lr g / (sqrt(v) + eps)          (Tieleman & Hinton 2012)
//   adam      m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
//             w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)        (Kingma & Ba 2015)
//   adamw     as adam, and w -= lr weight_decay w, w before the step         (Loshchilov & Hutter 2019)
struct OptimizerConfig {
  UpdateRule rule = UpdateRule::adamw;
  float momentum = 0.9f;
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float weight_decay = 0.0f;  // adamw; applied to parameters marked `decayed`
  float l1 = 0.0f;            // penalties in the gradient; likewise
  float l2 = 0.0f;
  float clip_value = 0.0f;   // clip each element of the gradient to [-v, v]; 0 is off
  float clip_weight = 0.0f;  // clip each weight to [-v, v] after the update (Arjovsky et al. 2017); 0 is off
  std::uint64_t seed = 0;    // of the random numbers that bf16 masters are rounded with
};

class Optimizer {
 public:
  Optimizer(nn::FlatParameters& parameters, const OptimizerConfig& config);

  // One step from the gradients, each multiplied by `gradient_scale` (clipping by norm, loss scale) as it is read.
  void step(float lr, float gradient_scale);
  // The same with what conclude_step() left in `state`: nothing happens where it is not finite. The state counts the
  // steps.
  void step(const Tensor& state);
  // The same for one of the parameters' owned ranges alone.
  void step(const nn::OwnedRange& range, const Tensor& state);

  StepRule rule() const noexcept { return {.beta1 = config_.beta1, .beta2 = config_.beta2}; }
  const OptimizerConfig& config() const noexcept { return config_; }
  // Steps taken: the t of Adam's bias correction. Settable for resuming.
  std::int64_t steps() const noexcept { return steps_; }
  void set_steps(std::int64_t steps) noexcept { steps_ = steps; }

  Tensor moment1;  // (owned_trainable) f32, undefined where the rule has none
  Tensor moment2;

 private:
  void update(const nn::OwnedRange& range, Update how);
  // Of elements [begin, end) of the range, counted from its own beginning.
  void update_part(const nn::OwnedRange& range, std::int64_t begin, std::int64_t end, const Update& how);

  nn::FlatParameters& parameters_;
  OptimizerConfig config_;
  std::int64_t steps_ = 0;
};

}  // namespace trireme::optim
