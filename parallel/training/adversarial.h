// A step of two networks of which one draws samples and the other tells them from real ones (Goodfellow et al. 2014).
#pragma once

#include <array>
#include <memory>

#include "parallel/training/average.h"
#include "parallel/training/player.h"
#include "parallel/training/step.h"

namespace trireme::parallel {

class AdversarialTask {
 public:
  virtual ~AdversarialTask() = default;
  virtual nn::Module& generator() = 0;
  virtual nn::Module& discriminator() = 0;
  // The real samples of a batch, as the discriminator takes them.
  virtual Tensor real(Context& cx, const data::Batch& batch) = 0;
  // cx.samples drawn samples, of the classes of the batch's. Which numbers they are drawn from follows from the step
  // and the samples' numbers.
  virtual Tensor generate(Context& cx, const data::Batch& batch) = 0;
  // Logits (B) of samples: above zero, taken for real.
  virtual Tensor judge(Context& cx, const Tensor& samples, const data::Batch& batch) = 0;
  // The gradient (B, ...) of their sum with respect to the samples, itself with gradients with respect to the weights.
  virtual Tensor slope(Context& cx, const Tensor& samples, const data::Batch& batch) = 0;
};

// With D the logits, r real samples, d drawn ones; means over samples. The first of a pair is the discriminator's.
enum class AdversarialLoss : std::uint8_t {
  minimax,      // -log sigmoid(D(r)) - log(1 - sigmoid(D(d)));  -log sigmoid(D(d)), the form that does not saturate
  hinge,        // max(0, 1 - D(r)) + max(0, 1 + D(d));  -D(d)               (Lim & Ye 2017, Miyato et al. 2018)
  wasserstein,  // D(d) - D(r);  -D(d)                                       (Arjovsky et al. 2017)
};

struct AdversarialRule {
  AdversarialLoss loss = AdversarialLoss::minimax;
  // Factor of the mean of (|dD/dx| - 1)^2 at samples x between a real one and a drawn one, each with a share of its own
  // (Gulrajani et al. 2017); 0: none.
  float gradient_penalty = 0.0f;
  std::int64_t discriminator_steps = 1;  // for each of the generator's, each with real samples of its own
};

struct AdversarialContext {
  Backend& backend;
  const Axis& data;
  AdversarialTask& task;
  Player& generator;
  Player& discriminator;
  BatchPlan plan;  // of one micro-batch
  std::uint64_t seed = 0;
  AdversarialRule rule{};
  Average* average = nullptr;  // of the generator; follows each of its updates
};

class AdversarialStep {
 public:
  explicit AdversarialStep(const AdversarialContext& context);

  // Updates the discriminator `discriminator_steps` times, by this rank's share of real samples and as many drawn ones,
  // then the generator by the last of the drawn ones, judged anew. Each of the passes through the discriminator has
  // batch statistics of its own. `batches` is asked for the batches step * discriminator_steps, ... and so on. In the
  // report, `loss` is the generator's and `opponent` tells of the discriminator; both are means over all ranks, the
  // latter also over the step's updates, and it includes the penalty. Enqueues and does not wait; at most two results
  // may be alive. Collective.
  StepResult run(std::int64_t step, const BatchSource& batches, bool stop);

 private:
  Context context(std::int64_t number, Tape* tape, const Player& player);
  void work(std::int64_t step, const BatchSource& batches);
  void learn_to_judge(std::int64_t number, const data::Batch& batch, const Tensor& real, const Tensor& drawn);
  void learn_to_draw(Context& drawing, const data::Batch& batch, const Tensor& drawn);
  Tensor judged(Context& cx, const Tensor& logits, bool real);
  Tensor between(Context& cx, const Tensor& real, const Tensor& drawn);
  StepResult result();

  AdversarialContext context_;
  float part_;  // of the global batch
  Tape generator_tape_, discriminator_tape_;
  Tensor outcome_;  // f32 (3): the generator's loss, the discriminator's, the stop flags
  std::array<std::shared_ptr<Storage>, 2> host_;
  std::int64_t done_ = 0;  // steps enqueued so far
};

}  // namespace trireme::parallel
