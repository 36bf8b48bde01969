// What a job with a GAN or an autoencoder must be beyond the limits of its fields.
#pragma once

#include "launcher/config/config.h"
#include "launcher/config/origins.h"

namespace trireme::launcher {

// Throws Error, placed at the field. The job is resolved, and has such a model.
void check_gan(const job::Job& job, const Origins& origins);
void check_autoencoder(const job::Job& job, const Origins& origins);

}  // namespace trireme::launcher
