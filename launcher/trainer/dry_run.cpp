#include "launcher/trainer/dry_run.h"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "collectives/dry/dry_group.h"
#include "launcher/trainer/rank_training.h"
#include "runtime/kernels/dry/dry_kernels.h"

namespace trireme::launcher {
namespace {

struct Needs {
  std::int64_t parameters = 0;
  MemoryReport memory{};
  double flops = 0.0;     // matrix products of a step, one rank
  std::int64_t sent = 0;  // bytes of a step, one rank
  std::int64_t messages = 0;
  parallel::BatchPlan plan{};
};

// The step of rank `rank`, on the dry device.
Needs measure(const job::Job& job, const parallel::Layout& layout, int rank) {
  Backend backend = make_backend("dry", 1);
  DryRecord record;
  const auto world = make_dry_group(rank, layout.ranks(), &record, parallel::dry_splits(layout, rank));
  RankTraining training(job, backend, *world, layout);
  const auto& task = training.task();
  Needs needs{.plan = training.plan()};
  parallel::TrainStep step(training.context());
  const parallel::BatchSource blank = [&](std::int64_t, data::Share share) {
    return task.blank_batch(*backend.device, share.count);
  };
  auto& kernels = static_cast<DryKernels&>(*backend.kernels);
  kernels.reset();
  record.clear();
  step.run(0, blank, false);
  needs.parameters = training.player().parameters.parameter_count();
  needs.memory = backend.device->memory();
  needs.flops = kernels.counts().matrix_flops;
  for (const DryOperation& operation : record) {
    needs.sent += bytes_sent(operation);
    ++needs.messages;
  }
  return needs;
}

std::string mib(std::int64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / 0x1p20 << " MiB";
  return text.str();
}

nlohmann::ordered_json as_json(const Needs& needs) {
  nlohmann::ordered_json report{{"parameters", needs.parameters},
                                {"global_batch", needs.plan.global},
                                {"micro_batch", needs.plan.micro},
                                {"micro_batches", needs.plan.micros},
                                {"memory_per_rank_bytes", needs.memory.peak},
                                {"flops_per_step_per_rank", needs.flops},
                                {"bytes_sent_per_step_per_rank", needs.sent},
                                {"collectives_per_step", needs.messages}};
  for (int kind = 0; kind < memory_kinds; ++kind)
    report["memory_by_kind"][std::string(name_of(static_cast<MemoryKind>(kind)))] =
        needs.memory.at_peak_by_kind[static_cast<std::size_t>(kind)];
  return report;
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
       << " GFLOP a step in matrix products\n"
       << "  sent per rank     " << mib(needs.sent) << " a step in " << needs.messages << " messages\n";
}

}  // namespace

std::string dry_run_report(const job::Job& job, int ranks, bool json) {
  const parallel::Layout layout = layout_of(job, ranks);
  // Ranks of one stage need the same.
  std::vector<Needs> stages;
  for (int stage = 0; stage < layout.size("pipeline"); ++stage)
    stages.push_back(measure(job, layout, stage * layout.stride("pipeline")));
  if (json) {
    nlohmann::ordered_json report{{"ranks", ranks}};
    if (stages.size() == 1) {
      report.update(as_json(stages.front()));
    } else {
      report["layout"] = layout.text();
      for (const Needs& needs : stages) report["stages"].push_back(as_json(needs));
    }
    return report.dump() + "\n";
  }
  std::ostringstream text;
  text << "dry run on " << ranks << (ranks == 1 ? " rank" : " ranks") << " (nothing was computed, no data was read)\n";
  for (std::size_t stage = 0; stage < stages.size(); ++stage) {
    if (stages.size() > 1) text << "stage " << stage + 1 << " of " << stages.size() << " (" << layout.text() << ")\n";
    describe(text, stages[stage]);
  }
  return text.str();
}

}  // namespace trireme::launcher
