// What a job leaves out, written out.
#pragma once

#include <string>

#include "launcher/config/job.pb.h"
#include "launcher/config/origins.h"

namespace trireme::launcher {

// Fills in the preset's sizes, the optimizer and schedule where none is chosen, the vocabulary, run_dir, and then every
// default. The values written so far must have been checked.
void resolve(job::Job& job, const std::string& job_file);

// Whether the job names files to validate on, beside those to train on, for data that would else be split.
bool has_validation_files(const job::Data& data);

}  // namespace trireme::launcher
