#include "launcher/trainer/dry_run.h"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "collectives/dry/dry_group.h"
#include "launcher/trainer/from_job.h"
#include "parallel/training/step.h"
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

Needs measure(const job::Job& job, int ranks) {
  Backend backend = make_backend("dry", 1);
  DryRecord record;
  const auto world = make_dry_group(0, ranks, &record);
  parallel::Mesh mesh(*world, {{"data", job.parallel().data() > 0 ? job.parallel().data() : ranks}});
  const parallel::Axis& data = mesh.axis("data");
  const auto task = make_task(job);
  Needs needs{.plan = parallel::plan_batch(job.batch().global(), job.batch().micro(), data.size())};
  parallel::Player player(task->network(), backend, data, player_options(job));
  const parallel::StepContext run{backend, data, *task, player, needs.plan, job.seed()};
  const parallel::BatchSource blank = [&](std::int64_t, data::Share share) {
    return task->blank_batch(*backend.device, share.count);
  };
  auto& kernels = static_cast<DryKernels&>(*backend.kernels);
  parallel::TrainStep step(run);
  kernels.reset();
  record.clear();
  step.run(0, blank, false);
  needs.parameters = player.parameters.parameter_count();
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

}  // namespace

std::string dry_run_report(const job::Job& job, int ranks, bool json) {
  const Needs needs = measure(job, ranks);
  if (json) {
    nlohmann::ordered_json report{{"ranks", ranks},
                                  {"parameters", needs.parameters},
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
    return report.dump() + "\n";
  }
  std::ostringstream text;
  text << "dry run on " << ranks << (ranks == 1 ? " rank" : " ranks") << " (nothing was computed, no data was read)\n"
       << "  parameters        " << needs.parameters << '\n'
       << "  batch             " << needs.plan.global << " samples a step: " << needs.plan.micros
       << (needs.plan.micros == 1 ? " pass of " : " passes of ") << needs.plan.micro << " on each rank\n"
       << "  memory per rank   " << mib(needs.memory.peak) << " at its peak\n";
  for (int kind = 0; kind < memory_kinds; ++kind)
    text << "    " << std::left << std::setw(16) << name_of(static_cast<MemoryKind>(kind))
         << mib(needs.memory.at_peak_by_kind[static_cast<std::size_t>(kind)]) << '\n';
  text << "  work per rank     " << std::fixed << std::setprecision(2) << needs.flops / 1e9
       << " GFLOP a step in matrix products\n"
       << "  sent per rank     " << mib(needs.sent) << " a step in " << needs.messages << " collectives\n";
  return text.str();
}

}  // namespace trireme::launcher
