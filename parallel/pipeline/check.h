// The proof of a table, before a run starts.
#pragma once

#include <vector>

#include "parallel/pipeline/schedule.h"

namespace trireme::parallel {

struct CheckOptions {
  // Transfers that a rank may have begun and not ended when it goes on to its next action. 0: it waits for each one,
  // the strictest case; a table that cannot come to a stop then, cannot with more.
  int outstanding = 0;
};

// What a table needs, by rank.
struct TableNeeds {
  std::vector<int> in_flight;  // chunks whose activations are held, at most
  std::vector<int> inputs;     // activations and gradients received and not yet used, at most
};

// Throws an Error that names rank and action unless
//  - every stage computes F, then B and W (or BW), once for every micro-batch, each in the order of the micro-batches;
//  - every result that another rank needs is sent once, after it is there, and received once, before it is needed, and
//    what a rank receives from another is what that one sends, in the same order;
//  - no rank can wait for ever: a send and its receive begin together (rendezvous), and no circle of waiting exists;
//  - no rank holds more chunks than the schedule promises.
TableNeeds check_table(const Schedule& schedule, const CheckOptions& options = {});

}  // namespace trireme::parallel
