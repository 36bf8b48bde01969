// What a job leaves out, written out.
#pragma once

#include <string>

#include "launcher/config/job.pb.h"
#include "launcher/config/origins.h"

namespace trireme::launcher {

// Fills in the preset's sizes, the optimizer and schedule where none is chosen, the vocabulary, run_dir, and then every
// default. The values written so far must have been checked.
void resolve(job::Job& job, const std::string& job_file);

}  // namespace trireme::launcher
