// The computations of each schedule in the order of each rank, without transfers.
#pragma once

#include <vector>

#include "parallel/pipeline/schedule.h"

namespace trireme::parallel {

using Order = std::vector<Action>;  // of one rank

Order gpipe_order(const PipelineShape& shape);
Order one_f_one_b_order(const PipelineShape& shape, int rank);
// 1F1B, with the weight gradient of each micro-batch put off by `rank` micro-batches: the last rank, which starts its
// backward passes first and would end first, has the most left to do when the others end.
Order zb_h1_order(const PipelineShape& shape, int rank);
Order interleaved_order(const PipelineShape& shape, int rank);
// All ranks' at once: found by playing the pipeline through.
std::vector<Order> zb_v_orders(const PipelineShape& shape);

// Chunks that a rank of the interleaved schedule holds at most.
int interleaved_in_flight(const PipelineShape& shape, int rank);

}  // namespace trireme::parallel
