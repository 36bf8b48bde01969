// A step of two networks of which one draws samples and the other tells them from real ones (Goodfellow et al. 2014).
#pragma once

#include "parallel/training/player.h"
#include "parallel/training/step.h"

namespace trireme::parallel {

class AdversarialTask {
 public:
  virtual ~AdversarialTask() = default;
  virtual nn::Module& generator() = 0;
  virtual nn::Module& discriminator() = 0;
  // cx.samples drawn samples. Which numbers they are drawn from follows from the step and the samples' numbers.
  virtual Tensor generate(Context& cx) = 0;
  // Logits (B) of samples: above zero, taken for real.
  virtual Tensor judge(Context& cx, const Tensor& samples) = 0;
};

struct AdversarialContext {
  Backend& backend;
  const Axis& data;
  AdversarialTask& task;
  Player& generator;
  Player& discriminator;
  BatchPlan plan;  // of one micro-batch
  std::uint64_t seed = 0;
};

struct AdversarialLosses {
  double discriminator = 0.0;  // of real and drawn samples together
  double generator = 0.0;
};

class AdversarialStep {
 public:
  explicit AdversarialStep(const AdversarialContext& context);

  // Updates the discriminator by this rank's share of the real samples and as many drawn ones, then the generator by
  // the same drawn ones, judged anew. The loss is binary cross entropy; that of the generator takes its samples for
  // real (the non-saturating form). Each of the three passes through the discriminator has batch statistics of its own.
  // Returns the losses over all ranks, and waits for them.
  AdversarialLosses run(std::int64_t step, const Tensor& real);

 private:
  Context context(std::int64_t step, Tape& tape, const Player& player);
  Tensor loss(Context& cx, const Tensor& logits, float target);

  AdversarialContext context_;
  Tape generator_tape_, discriminator_tape_;
  Tensor losses_;  // (2) f32
};

}  // namespace trireme::parallel
