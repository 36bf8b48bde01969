#include "launcher/commands/bench_collectives.h"

#include <cstdio>
#include <map>
#include <string>

#include "collectives/bench/measure.h"
#include "launcher/report/json_line.h"
#include "launcher/trainer/ranks.h"
#include "runtime/kernels/backend.h"

namespace trireme::launcher {
namespace {

constexpr const char* library = "MPI_Allreduce";  // CollectiveTiming::memory of the library's own

// Seconds of the library's all-reduce by size; empty where there is none.
std::map<std::int64_t, double> library_seconds(const std::vector<CollectiveTiming>& timings) {
  std::map<std::int64_t, double> seconds;
  for (const CollectiveTiming& timing : timings)
    if (timing.memory == library) seconds[timing.bytes] = timing.seconds;
  return seconds;
}

std::string as_json(const std::vector<CollectiveTiming>& timings, const Group& group) {
  const auto reference = library_seconds(timings);
  std::string results;
  for (const CollectiveTiming& timing : timings) {
    JsonLine line;
    line.add("operation", timing.operation).add("memory", timing.memory).add("bytes", timing.bytes);
    line.add("us", timing.seconds * 1e6).add("algorithm_gb_s", timing.algorithm_bandwidth / 1e9);
    line.add("bus_gb_s", timing.bus_bandwidth / 1e9);
    const auto found = reference.find(timing.bytes);
    if (timing.operation == "all_reduce" && found != reference.end())
      line.add("speed_over_mpi", found->second / timing.seconds);
    results += (results.empty() ? "" : ",") + line.text();
  }
  return JsonLine()
      .add("bench", "collectives")
      .add("transport", group.transport())
      .add("ranks", group.size())
      .add("version", TRIREME_VERSION)
      .add_json("results", '[' + results + ']')
      .text();
}

void print_table(const std::vector<CollectiveTiming>& timings, const Group& group) {
  const auto reference = library_seconds(timings);
  std::printf("%d ranks, %s\n%-16s %-14s %11s %12s %10s %10s %9s\n", group.size(),
              std::string(group.transport()).c_str(), "operation", "memory", "bytes", "time us", "GB/s", "bus GB/s",
              "over MPI");
  for (const CollectiveTiming& timing : timings) {
    std::printf("%-16s %-14s %11lld %12.2f %10.2f %10.2f", timing.operation.c_str(), timing.memory.c_str(),
                static_cast<long long>(timing.bytes), timing.seconds * 1e6, timing.algorithm_bandwidth / 1e9,
                timing.bus_bandwidth / 1e9);
    const auto found = reference.find(timing.bytes);
    const bool compared = timing.operation == "all_reduce" && timing.memory != library && found != reference.end();
    if (compared) std::printf(" %8.2fx", found->second / timing.seconds);
    std::printf("\n");
  }
}

}  // namespace

int bench_collectives(const BenchCollectivesOptions& options) {
  return on_ranks({.ranks = options.ranks, .as_threads = options.ranks_as_threads}, [&](RankView& view) {
    const Backend backend = make_backend("cpu", 1);
    CollectiveMeasure measure{.samples = options.samples};
    if (!options.sizes.empty()) measure.sizes = options.sizes;
    const auto timings = measure_collectives(view.world, *backend.device, measure);
    if (view.world.rank() != 0) return 0;
    if (options.json)
      std::printf("%s\n", as_json(timings, view.world).c_str());
    else
      print_table(timings, view.world);
    std::fflush(stdout);
    return 0;
  });
}

}  // namespace trireme::launcher
