// How a job lays its run over the ranks: the axes of the mesh, and what each stage of a pipeline holds and does.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "launcher/config/config.h"
#include "parallel/mesh/layout.h"
#include "parallel/pipeline/simulate.h"

namespace trireme::launcher {

// The ranks that the job itself asks for: those of the axes that it names.
int ranks_of(const job::Job& job);
// The axes pipeline, data and tensor. Throws, with the arithmetic and the nearest layouts that work, where the ranks,
// the model or the batch do not allow what is asked.
parallel::Layout layout_of(const job::Job& job, int ranks);
// Ranks of the data axis that divide the state among them; 0: all of them.
int zero_groups(const job::Job& job);
// The proved table of the job's pipeline, for `micros` micro-batches; none where there is one stage.
std::optional<parallel::Schedule> pipeline_of(const job::Job& job, std::int64_t micros);
// That table played through: each stage as long as its work in matrix products, transfers not counted. The unit is the
// mean forward pass.
parallel::Simulation simulated(const job::Job& job, const parallel::Schedule& schedule);

// A stage: layers [begin, end) of the model, blocks of a transformer, with its ends where it has them.
struct StageLayers {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool first = true;
  bool last = true;
};
// What the rank at `index` of the pipeline holds, chunk by chunk, balanced by work; without a pipeline, all of it.
std::vector<StageLayers> stages_of(const job::Job& job, const std::optional<parallel::Schedule>& pipeline, int index);

}  // namespace trireme::launcher
