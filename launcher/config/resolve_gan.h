// What a job with a GAN leaves open.
#pragma once

#include "launcher/config/config.h"

namespace trireme::launcher {

// Before defaults are written: what the networks have of the job, batch norm, the range of the pictures, and that all
// samples are for training. Optimizer and schedule of the job are resolved.
void resolve_gan(job::Job& job);

}  // namespace trireme::launcher
