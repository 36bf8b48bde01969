// Pictures, as a job describes them.
#pragma once

#include "launcher/trainer/from_job.h"

namespace trireme::launcher {

// `workers` threads read the files where they must all be read.
Sources open_images(const job::Job& job, int workers);

}  // namespace trireme::launcher
