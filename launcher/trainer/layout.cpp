#include "launcher/trainer/layout.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "launcher/trainer/decoders.h"
#include "parallel/balance/balance.h"
#include "parallel/pipeline/check.h"
#include "parallel/pipeline/generate.h"

namespace trireme::launcher {
namespace {

parallel::ScheduleKind kind_of(const job::Job& job) {
  for (const parallel::ScheduleKind kind : parallel::all_schedules)
    if (name_of(kind) == job.parallel().schedule()) return kind;
  fail("parallel.schedule", "expected a known schedule, found", job.parallel().schedule());
}

int chunks_of(const job::Job& job) {
  switch (kind_of(job)) {
    case parallel::ScheduleKind::interleaved: return job.parallel().chunks();
    case parallel::ScheduleKind::zb_v: return 2;
    default: return 1;
  }
}

struct Division {
  std::vector<double> costs;  // of the blocks
  parallel::BalanceOptions options;
  std::vector<std::int64_t> ends;
};

Division divide(const models::DecoderSizes& sizes, const parallel::Schedule& schedule) {
  Division division{.costs = std::vector<double>(static_cast<std::size_t>(sizes.layers), sizes.block_work()),
                    .options = {.stages = schedule.stages(), .last = sizes.head_work()},
                    .ends = {}};
  division.ends = parallel::balance(division.costs, division.options);
  return division;
}

}  // namespace

int ranks_of(const job::Job& job) {
  return std::max(job.parallel().data(), 1) * job.parallel().pipeline();
}

parallel::Layout layout_of(const job::Job& job, int ranks) {
  const job::Parallel& asked = job.parallel();
  std::vector<parallel::AxisRule> rules;
  if (asked.pipeline() > 1) {
    if (!has_decoder(job))
      fail("parallel.pipeline", "expected 1: this model is not cut into stages, found", asked.pipeline());
    rules.push_back({.axis = "pipeline",
                     .kind = parallel::AxisRule::Kind::at_most,
                     .number = decoder_sizes(job).layers / chunks_of(job),
                     .what = "stages, each with a block of the model's for every chunk"});
  }
  return parallel::make_layout(ranks, {{"pipeline", asked.pipeline()}, {"data", asked.data()}}, rules);
}

std::optional<parallel::Schedule> pipeline_of(const job::Job& job, std::int64_t micros) {
  if (job.parallel().pipeline() == 1) return {};
  parallel::Schedule schedule = parallel::make_schedule(
      kind_of(job), {.ranks = job.parallel().pipeline(), .micros = static_cast<int>(micros), .chunks = chunks_of(job)});
  parallel::check_table(schedule);
  return schedule;
}

std::vector<double> stage_work(const models::DecoderSizes& sizes, const parallel::Schedule& schedule) {
  const Division division = divide(sizes, schedule);
  std::vector<double> work = parallel::stage_costs(division.costs, division.ends, division.options);
  const double mean = std::accumulate(work.begin(), work.end(), 0.0) / static_cast<double>(work.size());
  for (double& stage : work) stage /= mean;
  return work;
}

std::vector<models::DecoderPiece> pieces_of(const models::DecoderSizes& sizes, const parallel::Schedule& schedule,
                                            int index) {
  const std::vector<std::int64_t> ends = divide(sizes, schedule).ends;
  std::vector<models::DecoderPiece> pieces;
  for (int chunk = 0; chunk < schedule.shape.chunks; ++chunk) {
    const auto stage = static_cast<std::size_t>(schedule.stage_of(index, chunk));
    pieces.push_back({.begin = stage == 0 ? 0 : ends[stage - 1],
                      .end = ends[stage],
                      .embeds = stage == 0,
                      .heads = stage + 1 == ends.size()});
  }
  return pieces;
}

}  // namespace trireme::launcher
