// What a rank trains a GAN with beside the generator: the discriminator, the generator's average, their step.
#pragma once

#include <vector>

#include "launcher/trainer/gan_job.h"
#include "parallel/snapshot/snapshot.h"

namespace trireme::launcher {

class GanTraining {
 public:
  // The generator's own part is the caller's: the player `generator`, with the options `of_generator`. All of it
  // outlives this. Collective over the axis.
  struct Parts {
    const job::Job& job;
    Backend& backend;
    const parallel::Axis& data;
    const parallel::BatchPlan& plan;
    ImageGame& game;
    parallel::Player& generator;
    const parallel::PlayerOptions& of_generator;
  };
  explicit GanTraining(const Parts& parts);
  GanTraining(const GanTraining&) = delete;
  GanTraining& operator=(const GanTraining&) = delete;

  // See parallel::AdversarialStep.
  parallel::StepResult run(std::int64_t step, const parallel::BatchSource& batches, bool stop) {
    return step_.run(step, batches, stop);
  }
  std::int64_t batches_per_step() const noexcept { return game_.rule().discriminator_steps; }
  parallel::Player& discriminator() noexcept { return discriminator_; }

  // Adds what a snapshot saves and loads of both to that of the generator, of which they are held alike.
  void add_states(std::vector<parallel::State>& states, const parallel::Holding& holding);
  // After a snapshot was loaded; store_state() waits for the device, weights_changed() is collective.
  void store_state() { discriminator_.store_state(); }
  void weights_changed();

  // ImageGame::draw() by the average so far. Collective.
  Tensor draw(const DrawingOptions& options);

 private:
  Backend& backend_;
  ImageGame& game_;
  parallel::PlayerOptions of_discriminator_;
  parallel::Player discriminator_;
  parallel::Average average_;
  parallel::AdversarialStep step_;
};

}  // namespace trireme::launcher
