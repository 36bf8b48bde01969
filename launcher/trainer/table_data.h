// Tables, as a job describes them.
#pragma once

#include "launcher/trainer/from_job.h"

namespace trireme::launcher {

Sources open_table(const job::Job& job);

}  // namespace trireme::launcher
