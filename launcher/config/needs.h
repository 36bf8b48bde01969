// Fields that do something only beside others.
#pragma once

#include "launcher/config/job.pb.h"
#include "launcher/config/origins.h"

namespace trireme::launcher {

// Throws, placed, where a field of a resolved job asks for something that nothing in the job would do.
void check_needs(const job::Job& job, const Origins& origins);

}  // namespace trireme::launcher
