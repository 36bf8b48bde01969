// What a job says of a GAN, in the terms of the rooms below.
#pragma once

#include <memory>

#include "launcher/trainer/adversarial_tasks.h"
#include "launcher/trainer/from_job.h"

namespace trireme::launcher {

std::unique_ptr<ImageGame> make_game(const job::Job& job);
// As player_options(), with what the job gives to one of the networks alone.
parallel::PlayerOptions generator_options(const job::Job& job);
parallel::PlayerOptions discriminator_options(const job::Job& job);

}  // namespace trireme::launcher
