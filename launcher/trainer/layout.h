// How a job lays its run over the ranks: the axes of the mesh, and what each stage of a pipeline holds and does.
#pragma once

#include <optional>
#include <vector>

#include "launcher/config/config.h"
#include "models/decoder/decoder.h"
#include "parallel/mesh/layout.h"
#include "parallel/pipeline/schedule.h"

namespace trireme::launcher {

// The ranks that the job itself asks for: those of the axes that it names.
int ranks_of(const job::Job& job);
// Throws, with the arithmetic and the nearest layouts that work, where the ranks or the model do not allow what is
// asked.
parallel::Layout layout_of(const job::Job& job, int ranks);
// The proved table of the job's pipeline, for `micros` micro-batches; none where there is one stage.
std::optional<parallel::Schedule> pipeline_of(const job::Job& job, std::int64_t micros);
// The work of each stage of a language model in matrix products, as a multiple of the mean.
std::vector<double> stage_work(const models::DecoderSizes& sizes, const parallel::Schedule& schedule);
// The pieces that the rank at `index` of the pipeline holds, balanced by that work.
std::vector<models::DecoderPiece> pieces_of(const models::DecoderSizes& sizes, const parallel::Schedule& schedule,
                                            int index);

}  // namespace trireme::launcher
