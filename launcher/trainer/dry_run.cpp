#include "launcher/trainer/dry_run.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <sstream>
#include <vector>

#include "collectives/dry/dry_group.h"
#include "launcher/report/json_line.h"
#include "launcher/trainer/rank_training.h"
#include "parallel/tensor/split.h"
#include "runtime/kernels/dry/dry_kernels.h"

namespace trireme::launcher {
namespace {

// Ranks that need the same: of one stage, with parts of one size.
struct Kind {
  int stage = 0;
  int first = 0;  // the first such rank
  int ranks = 0;  // of the whole run
};

struct Needs {
  Kind kind{};
  std::int64_t parameters = 0;  // of the stage, in all parts
  MemoryReport memory{};
  double flops = 0.0;                        // matrix products of a step, one rank
  double eight_bit_flops = 0.0;              // of those, with factors of 8 bits
  std::map<std::string, std::int64_t> sent;  // bytes of a step, one rank, by axis
  std::int64_t messages = 0;
  parallel::BatchPlan plan{};

  std::int64_t sent_by_all_axes() const {
    std::int64_t sum = 0;
    for (const auto& [axis, bytes] : sent) sum += bytes;
    return sum;
  }
};

// Rows of the vocabulary on the rank at `index` of the tensor axis: the one thing that need not divide.
std::int64_t vocabulary_part(const job::Job& job, int index, int of) {
  return has_decoder(job) ? parallel::part_of(decoder_sizes(job).vocabulary, index, of).size() : 0;
}

// Whether the rank at `index` of the pipeline holds an end of the model.
bool has_an_end(const job::Job& job, const std::optional<parallel::Schedule>& pipeline, int index) {
  const std::vector<StageLayers> stages = stages_of(job, pipeline, index);
  return std::any_of(stages.begin(), stages.end(), [](const StageLayers& s) { return s.first || s.last; });
}

std::vector<Kind> kinds_of(const job::Job& job, const parallel::Layout& layout, std::int64_t micros) {
  const auto pipeline = pipeline_of(job, micros);
  const int tensor = layout.size("tensor");
  std::vector<Kind> kinds;
  for (int stage = 0; stage < layout.size("pipeline"); ++stage) {
    std::map<std::int64_t, Kind> by_part;
    const bool parts_differ = has_an_end(job, pipeline, stage);
    for (int index = tensor - 1; index >= 0; --index) {
      Kind& kind = by_part[parts_differ ? vocabulary_part(job, index, tensor) : 0];
      kind = {.stage = stage,
              .first = stage * layout.stride("pipeline") + index * layout.stride("tensor"),
              .ranks = kind.ranks + layout.size("data")};
    }
    for (const auto& [part, kind] : by_part) kinds.push_back(kind);
  }
  return kinds;
}

std::string axis_of(const std::string& group) {
  if (group == parallel::shared_parameters) return "pipeline";
  const std::string tail = parallel::overlapped("");
  return group.ends_with(tail) ? group.substr(0, group.size() - tail.size()) : group;
}

// How the groups of a rank will turn out. A parameter that two stages hold is held by the first and the last.
std::vector<DrySplit> splits_of(const job::Job& job, const parallel::Layout& layout, const Kind& kind) {
  std::vector<DrySplit> splits = parallel::dry_splits(layout, kind.first, zero_groups(job));
  const int stages = layout.size("pipeline");
  if (kind.stage == 0 || kind.stage == stages - 1)
    splits.push_back(
        {.name = parallel::shared_parameters, .rank = kind.stage == 0 ? 0 : 1, .size = std::min(stages, 2)});
  return splits;
}

// The step of the first rank of a kind, on the dry device.
Needs measure(const job::Job& job, const parallel::Layout& layout, const Kind& kind) {
  Backend backend = make_backend("dry", 1);
  DryRecord record;
  const auto world = make_dry_group(kind.first, layout.ranks(), &record, splits_of(job, layout, kind));
  RankTraining training(job, backend, *world, layout);
  const auto& task = training.task();
  Needs needs{.kind = kind, .sent = {}, .plan = training.plan()};
  parallel::TrainStep step(training.context());
  const parallel::BatchSource blank = [&](std::int64_t, data::Share share) {
    return task.blank_batch(*backend.device, share.count);
  };
  auto& kernels = static_cast<DryKernels&>(*backend.kernels);
  kernels.reset();
  record.clear();
  if (training.gan()) {
    training.gan()->run(0, blank, false);
  } else {
    step.run(0, blank, false);
  }
  needs.parameters = training.parameter_count();
  needs.memory = backend.device->memory();
  needs.flops = kernels.counts().matrix_flops;
  needs.eight_bit_flops = kernels.counts().eight_bit_flops;
  for (const DryOperation& operation : record) {
    if (const std::int64_t bytes = bytes_sent(operation); bytes > 0) needs.sent[axis_of(operation.group)] += bytes;
    ++needs.messages;
  }
  return needs;
}

// The same for a step of many micro-batches. From the second on they are alike, so a few tell of all; those of a
// pipeline are not, since it fills and drains.
Needs measure_all(const job::Job& job, const parallel::Layout& layout, const Kind& kind,
                  const parallel::BatchPlan& plan) {
  constexpr std::int64_t few = 4;
  if (plan.micros <= few || layout.size("pipeline") > 1) return measure(job, layout, kind);
  const auto with_micros = [&](std::int64_t micros) {
    job::Job shorter = job;
    shorter.mutable_batch()->set_global(plan.micro * layout.size("data") * micros);
    shorter.mutable_batch()->set_micro(plan.micro);
    return measure(shorter, layout, kind);
  };
  const Needs before = with_micros(few - 1);
  Needs needs = with_micros(few);
  const std::int64_t more = plan.micros - few;
  needs.plan = plan;
  needs.flops += static_cast<double>(more) * (needs.flops - before.flops);
  needs.messages += more * (needs.messages - before.messages);
  for (auto& [axis, bytes] : needs.sent) bytes += more * (bytes - before.sent.at(axis));
  return needs;
}

// What the run needs as a whole.
struct Totals {
  parallel::Layout layout;
  std::int64_t parameters = 0;
  double flops = 0.0;  // of the model, a step
  std::optional<double> bubble{};
  std::string schedule{};
};

Totals totals_of(const job::Job& job, const parallel::Layout& layout, const parallel::BatchPlan& plan) {
  Totals totals{
      .layout = layout, .parameters = parameters_of(job), .flops = make_task(job)->flops(job.batch().global())};
  if (const auto schedule = pipeline_of(job, plan.micros)) {
    totals.bubble = simulated(job, *schedule).usage.bubble;
    totals.schedule = schedule->name;
  }
  return totals;
}

std::string mib(std::int64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / 0x1p20 << " MiB";
  return text.str();
}

void add_to(JsonLine& report, const Needs& needs) {
  JsonLine kinds, axes;
  for (const auto& [axis, bytes] : needs.sent) axes.add(axis, bytes);
  for (int kind = 0; kind < memory_kinds; ++kind)
    kinds.add(name_of(static_cast<MemoryKind>(kind)), needs.memory.at_peak_by_kind[static_cast<std::size_t>(kind)]);
  report.add("parameters", needs.parameters)
      .add("global_batch", needs.plan.global)
      .add("micro_batch", needs.plan.micro)
      .add("micro_batches", needs.plan.micros)
      .add("memory_per_rank_bytes", needs.memory.peak)
      .add("flops_per_step_per_rank", needs.flops)
      .add("bytes_sent_per_step_per_rank", needs.sent_by_all_axes())
      .add_json("bytes_sent_by_axis", axes.text())
      .add("collectives_per_step", needs.messages)
      .add_json("memory_by_kind", kinds.text());
  if (needs.eight_bit_flops > 0.0) report.add("eight_bit_flops_per_step_per_rank", needs.eight_bit_flops);
}

std::string json_report(const Totals& totals, const std::vector<Needs>& all) {
  JsonLine report;
  report.add("ranks", totals.layout.ranks()).add("layout", totals.layout.text());
  report.add("model_parameters", totals.parameters).add("model_flops_per_step", totals.flops);
  if (totals.bubble) report.add("schedule", totals.schedule).add("bubble", *totals.bubble);
  if (all.size() == 1) {
    add_to(report, all.front());
    return report.text() + '\n';
  }
  std::string list;
  for (const Needs& needs : all) {
    JsonLine stage;
    stage.add("stage", needs.kind.stage).add("first_rank", needs.kind.first).add("ranks", needs.kind.ranks);
    add_to(stage, needs);
    list += (list.empty() ? "" : ",") + stage.text();
  }
  return report.add_json("stages", '[' + list + ']').text() + '\n';
}

void describe(std::ostream& text, const Needs& needs) {
  text << "  parameters        " << needs.parameters << '\n'
       << "  batch             " << needs.plan.global << " samples a step: " << needs.plan.micros
       << (needs.plan.micros == 1 ? " pass of " : " passes of ") << needs.plan.micro << " on each rank\n"
       << "  memory per rank   " << mib(needs.memory.peak) << " at its peak\n";
  for (int kind = 0; kind < memory_kinds; ++kind)
    text << "    " << std::left << std::setw(16) << name_of(static_cast<MemoryKind>(kind))
         << mib(needs.memory.at_peak_by_kind[static_cast<std::size_t>(kind)]) << '\n';
  text << "  work per rank     " << std::fixed << std::setprecision(2) << needs.flops / 1e9
       << " GFLOP a step in matrix products";
  if (needs.eight_bit_flops > 0.0)
    text << ", " << std::setprecision(1) << 100.0 * needs.eight_bit_flops / needs.flops << " % of it in 8 bits";
  text << "\n  sent per rank     " << mib(needs.sent_by_all_axes()) << " a step in " << needs.messages << " messages\n";
  if (needs.sent.size() < 2) return;
  for (const auto& [axis, bytes] : needs.sent)
    text << "    " << std::left << std::setw(16) << axis << ' ' << mib(bytes) << '\n';
}

std::string text_report(const Totals& totals, const std::vector<Needs>& all) {
  const int ranks = totals.layout.ranks(), stages = totals.layout.size("pipeline");
  const bool split = stages > 1 || totals.layout.size("tensor") > 1;
  std::ostringstream text;
  text << "dry run on " << ranks << (ranks == 1 ? " rank" : " ranks") << " (nothing was computed, no data was read)\n";
  if (split)
    text << "  model             " << totals.parameters << " parameters, " << std::fixed << std::setprecision(2)
         << totals.flops / 1e9 << " GFLOP a step\n";
  for (const Needs& needs : all) {
    if (split)
      text << "stage " << needs.kind.stage + 1 << " of " << stages << " (" << totals.layout.text() << "), rank "
           << needs.kind.first
           << (needs.kind.ranks > 1 ? " and " + std::to_string(needs.kind.ranks - 1) + " like it" : "") << '\n';
    describe(text, needs);
  }
  if (totals.bubble)
    text << "bubble " << std::fixed << std::setprecision(1) << 100.0 * *totals.bubble << " % of " << totals.schedule
         << " with " << all.front().plan.micros << (all.front().plan.micros == 1 ? " micro-batch" : " micro-batches")
         << ", transfers not counted\n";
  return text.str();
}

}  // namespace

std::string dry_run_report(const job::Job& job, int ranks, bool json) {
  const parallel::Layout layout = layout_of(job, ranks);
  const parallel::BatchPlan plan = parallel::plan_batch(job.batch().global(), job.batch().micro(), layout.size("data"));
  std::vector<Needs> all;
  for (const Kind& kind : kinds_of(job, layout, plan.micros)) all.push_back(measure_all(job, layout, kind, plan));
  const Totals totals = totals_of(job, layout, plan);
  return json ? json_report(totals, all) : text_report(totals, all);
}

}  // namespace trireme::launcher
