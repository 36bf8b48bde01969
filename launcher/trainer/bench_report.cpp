#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "launcher/trainer/bench_step.h"
#include "launcher/trainer/from_job.h"
#include "launcher/trainer/ranks.h"

namespace trireme::launcher {
namespace {

double rounded_to(double value, int digits) {
  const double factor = std::pow(10.0, digits);
  return std::round(value * factor) / factor;
}

nlohmann::ordered_json as_json(const StepTiming& t, const BenchStepOptions& options, int threads) {
  const double per_second = t.ranks / t.step_ms_median * 1e3;
  const nlohmann::ordered_json none;
  return {{"model", t.model},
          {"params", t.parameters},
          {"step_ms_median", rounded_to(t.step_ms_median, 3)},
          {"step_ms_min", rounded_to(t.step_ms_min, 3)},
          {"cpu_ms", rounded_to(t.cpu_ms, 3)},
          {"samples_per_s", rounded_to(static_cast<double>(t.batch) * per_second, 2)},
          {"tokens_per_s",
           t.units ? nlohmann::ordered_json(rounded_to(static_cast<double>(t.batch * t.units) * per_second, 1)) : none},
          {"gflop_per_step", rounded_to(t.gflop_per_step, 3)},
          {"gflops", rounded_to(t.gflop_per_step * per_second, 1)},
          {"gemm_gflops", rounded_to(t.gemm_gflops, 1)},
          {"gemm_tflops", rounded_to(t.gemm_gflops / 1e3, 3)},
          {"model_tflops", rounded_to(t.gflop_per_step / t.step_ms_median, 3)},
          {"gemm_fraction", rounded_to(t.gflop_per_step / t.step_ms_median * 1e3 / t.gemm_gflops, 3)},
          {"host_ms", rounded_to(t.host_ms, 3)},
          {"exposed_comm_ms", rounded_to(t.exposed_comm_ms, 3)},
          {"batch", t.batch},
          {"threads", threads},
          {"ranks", t.ranks},
          {"device", options.device},
          {"dtype", options.dtype},
          {"compile", none},
          {"channels_last", true},
          {"peak_rss_mb", std::round(t.peak_rss_mb)},
          {"peak_device_mb", std::round(t.peak_tensors_mb)},
          {"first_step_s", rounded_to(t.first_step_s, 3)},
          {"loss_first", rounded_to(t.loss_first, 4)},
          {"loss_last", rounded_to(t.loss_last, 4)},
          {"version", TRIREME_VERSION}};
}

void print(const StepTiming& t) {
  std::cout << t.model << ": " << t.parameters << " parameters, batch " << t.batch << " on each of " << t.ranks
            << (t.ranks == 1 ? " rank\n" : " ranks\n") << "  step      " << t.step_ms_median << " ms (median), "
            << t.step_ms_min << " ms (fastest), " << t.cpu_ms << " ms of processor time\n"
            << "  waiting   " << t.exposed_comm_ms << " ms for other ranks after the backward pass\n"
            << "  rate      " << t.gflop_per_step / t.step_ms_median * 1e3 << " GFLOP/s a rank in matrix products, "
            << 100.0 * t.gflop_per_step / t.step_ms_median * 1e3 / t.gemm_gflops << " % of a lone product's "
            << t.gemm_gflops << "\n  memory    " << t.peak_rss_mb << " MiB resident, " << t.peak_tensors_mb
            << " MiB of tensors\n  start     " << t.first_step_s << " s to the end of the first step\n  loss      "
            << t.loss_first << " -> " << t.loss_last << std::endl;
}

}  // namespace

int bench_step(const BenchStepOptions& options) {
  computing_device(options.device);
  return on_ranks({.ranks = options.ranks, .as_threads = options.ranks_as_threads}, [&](RankView& view) {
    const int threads = threads_of(options.threads, view.ranks_on_host);
    RankDevice device({.device = options.device, .threads = threads}, view);
    const StepTiming timing = time_steps(options, device.backend(), device.world());
    if (view.world.rank() != 0) return 0;
    if (options.json) {
      std::cout << as_json(timing, options, threads).dump() << std::endl;
    } else {
      print(timing);
    }
    return 0;
  });
}

}  // namespace trireme::launcher
