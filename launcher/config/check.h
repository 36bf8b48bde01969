// Whether the values of a job are possible.
#pragma once

#include "launcher/config/job.pb.h"
#include "launcher/config/origins.h"

namespace trireme::launcher {

// Every written number within its limits and finite, every written string among its choices.
void check_limits(const job::Job& job, const Origins& origins);

// What must hold between the fields of a resolved job: heads divide the width, the micro-batch the batch, and so on.
void check_meaning(const job::Job& job, const Origins& origins);

}  // namespace trireme::launcher
