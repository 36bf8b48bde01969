#include "launcher/trainer/layout.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "launcher/trainer/from_job.h"
#include "models/mlp/shard.h"
#include "parallel/balance/balance.h"
#include "parallel/pipeline/check.h"
#include "parallel/pipeline/generate.h"
#include "parallel/training/step.h"

namespace trireme::launcher {
namespace {

using parallel::AxisRule;

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

// The work of a model's layers in matrix products, and what its last stage does besides; per sample or token, but for a
// factor.
struct Layers {
  std::vector<double> costs;
  double last = 0.0;
};

Layers work_of(const models::DecoderSizes& sizes) {
  return {std::vector<double>(static_cast<std::size_t>(sizes.layers), sizes.block_work()), sizes.head_work()};
}

Layers work_of(const models::MlpConfig& config) {
  Layers layers;
  std::int64_t inputs = config.inputs;
  for (std::size_t i = 0; i <= config.hidden.size(); ++i) {
    const std::int64_t outputs = i < config.hidden.size() ? config.hidden[i] : config.classes;
    layers.costs.push_back((i == 0 ? 2.0 : 3.0) * static_cast<double>(inputs * outputs));  // features need no gradient
    inputs = outputs;
  }
  return layers;
}

Layers work_of(const job::Job& job) {
  if (has_decoder(job)) return work_of(decoder_sizes(job));
  if (job.model().has_mlp()) return work_of(mlp_config(job));
  return {.costs = {1.0}};  // a network that is not cut
}

std::vector<AxisRule> model_rules(const job::Job& job) {
  if (has_decoder(job)) return decoder_rules(job);
  if (job.model().has_mlp()) return models::mesh_rules(mlp_config(job));
  std::vector<AxisRule> whole;  // on every rank
  for (const char* axis : {"pipeline", "tensor"})
    whole.push_back(
        {.axis = axis, .kind = AxisRule::Kind::at_most, .number = 1, .what = "rank for a model that is not cut"});
  return whole;
}

std::vector<AxisRule> rules_of(const job::Job& job) {
  using Kind = AxisRule::Kind;
  std::vector<AxisRule> rules = model_rules(job);
  if (job.parallel().schedule() != job::Parallel().schedule())
    rules.push_back({.axis = "pipeline", .kind = Kind::at_least, .number = 2, .what = "stages for parallel.schedule"});
  if (chunks_of(job) > 1)
    rules.push_back({.axis = "pipeline",
                     .kind = Kind::at_most,
                     .number = static_cast<std::int64_t>(work_of(job).costs.size()) / chunks_of(job),
                     .what = "stages, each with a layer of the model's for every chunk"});
  if (zero_groups(job) > 0)
    rules.push_back({.axis = "data",
                     .kind = Kind::multiple,
                     .number = zero_groups(job),
                     .what = "ranks of a group that shards (parallel.zero_ranks)"});
  if (job.parallel().sequence() && has_decoder(job))
    rules.push_back({.axis = "tensor",
                     .kind = Kind::divides,
                     .number = decoder_sizes(job).sequence,
                     .what = "tokens of a sample, which sequence parallelism shares out"});
  rules.push_back({.axis = "data", .kind = Kind::divides, .number = job.batch().global(), .what = "samples of a step"});
  if (job.batch().micro() > 0)
    rules.push_back({.axis = "data",
                     .kind = Kind::divides,
                     .number = job.batch().global() / job.batch().micro(),
                     .what = "micro-batches of a step"});
  return rules;
}

struct Division {
  Layers layers;
  parallel::BalanceOptions options;
  std::vector<std::int64_t> ends;
};

Division divide(const job::Job& job, const parallel::Schedule& schedule) {
  Division division{.layers = work_of(job), .options = {.stages = schedule.stages()}, .ends = {}};
  division.options.last = division.layers.last;
  division.ends = parallel::balance(division.layers.costs, division.options);
  return division;
}

// The work of each stage as a multiple of the mean.
std::vector<double> stage_work(const job::Job& job, const parallel::Schedule& schedule) {
  const Division division = divide(job, schedule);
  std::vector<double> work = parallel::stage_costs(division.layers.costs, division.ends, division.options);
  const double mean = std::accumulate(work.begin(), work.end(), 0.0) / static_cast<double>(work.size());
  for (double& stage : work) stage /= mean;
  return work;
}

}  // namespace

int ranks_of(const job::Job& job) {
  const job::Parallel& asked = job.parallel();
  std::int64_t ranks = std::max(asked.data(), 1);
  for (const int size : {asked.pipeline(), asked.tensor()}) {
    ranks *= size;
    require(ranks <= parallel::most_ranks, "parallel", "expected at most", parallel::most_ranks, "ranks, found data",
            asked.data(), "x pipeline", asked.pipeline(), "x tensor", asked.tensor());
  }
  return static_cast<int>(ranks);
}

int zero_groups(const job::Job& job) {
  return job.parallel().zero_ranks();
}

parallel::Layout layout_of(const job::Job& job, int ranks) {
  const job::Parallel& from = job.parallel();
  const std::vector<parallel::AxisSize> asked{
      {"pipeline", from.pipeline()}, {"data", from.data()}, {"tensor", from.tensor()}};
  const std::vector<AxisRule> rules = rules_of(job);
  parallel::Layout layout = parallel::fill_layout(ranks, asked, rules);
  (void)parallel::plan_batch(job.batch().global(), 0, layout.size("data"));  // it says which batches would do
  parallel::check_rules(layout, asked, rules);
  return layout;
}

std::optional<parallel::Schedule> pipeline_of(const job::Job& job, std::int64_t micros) {
  if (job.parallel().pipeline() == 1) return {};
  parallel::Schedule schedule = parallel::make_schedule(
      kind_of(job), {.ranks = job.parallel().pipeline(), .micros = static_cast<int>(micros), .chunks = chunks_of(job)});
  parallel::check_table(schedule);
  return schedule;
}

// A backward pass costs twice a forward pass, half of it for the input's gradient; recomputation adds one to that half.
parallel::Simulation simulated(const job::Job& job, const parallel::Schedule& schedule) {
  const bool again = job.recompute() != job::none;
  return parallel::simulate(schedule, {.input_gradient = again ? 2.0 : 1.0, .stages = stage_work(job, schedule)});
}

std::vector<StageLayers> stages_of(const job::Job& job, const std::optional<parallel::Schedule>& pipeline, int index) {
  if (!pipeline) return {{.begin = 0, .end = static_cast<std::int64_t>(work_of(job).costs.size())}};
  const std::vector<std::int64_t> ends = divide(job, *pipeline).ends;
  std::vector<StageLayers> stages;
  for (int chunk = 0; chunk < pipeline->shape.chunks; ++chunk) {
    const auto stage = static_cast<std::size_t>(pipeline->stage_of(index, chunk));
    stages.push_back({.begin = stage == 0 ? 0 : ends[stage - 1],
                      .end = ends[stage],
                      .first = stage == 0,
                      .last = stage + 1 == ends.size()});
  }
  return stages;
}

}  // namespace trireme::launcher
