// From what each rank computes to a whole table.
#pragma once

#include "parallel/pipeline/schedule.h"

namespace trireme::parallel {

// Puts a send behind every computation whose result another rank needs, and a receive into that rank's order. The
// places are those of one order in time that all ranks agree on (the order in which the results are there when an F, B
// or W lasts one step), so that no rank can wait for another in a circle, even if every transfer blocks both its ranks.
// Throws where the computations themselves wait for each other in a circle.
void add_transfers(Schedule& schedule);

}  // namespace trireme::parallel
