// --set: one field of a job by its path.
#pragma once

#include <string>

#include "launcher/config/job.pb.h"
#include "launcher/config/origins.h"

namespace trireme::launcher {

// Applies "a.b[0].c=value". The value is written as in a job file, but a string may go without quotes; a list takes the
// place of the whole list, and a message `{ ... }` of the whole message. Throws Error with a caret under the culprit.
void apply_set(job::Job& job, const std::string& set, Origins& origins);

}  // namespace trireme::launcher
