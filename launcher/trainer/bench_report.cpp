#include <cmath>
#include <iostream>

#include "launcher/report/json_line.h"
#include "launcher/trainer/bench_step.h"
#include "launcher/trainer/from_job.h"
#include "launcher/trainer/ranks.h"

namespace trireme::launcher {
namespace {

double rounded_to(double value, int digits) {
  const double factor = std::pow(10.0, digits);
  return std::round(value * factor) / factor;
}

std::string as_json(const StepTiming& t, const BenchStepOptions& options, int threads) {
  const double per_second = t.ranks / t.step_ms_median * 1e3;
  JsonLine line;
  line.add("model", t.model)
      .add("params", t.parameters)
      .add("step_ms_median", rounded_to(t.step_ms_median, 3))
      .add("step_ms_min", rounded_to(t.step_ms_min, 3))
      .add("cpu_ms", rounded_to(t.cpu_ms, 3))
      .add("samples_per_s", rounded_to(static_cast<double>(t.batch) * per_second, 2));
  if (t.units > 0)
    line.add("tokens_per_s", rounded_to(static_cast<double>(t.batch * t.units) * per_second, 1));
  else
    line.add_null("tokens_per_s");
  line.add("gflop_per_step", rounded_to(t.gflop_per_step, 3))
      .add("gflops", rounded_to(t.gflop_per_step * per_second, 1))
      .add("gemm_gflops", rounded_to(t.gemm_gflops, 1))
      .add("gemm_tflops", rounded_to(t.gemm_gflops / 1e3, 3))
      .add("model_tflops", rounded_to(t.gflop_per_step / t.step_ms_median, 3))
      .add("gemm_fraction", rounded_to(t.gflop_per_step / t.step_ms_median * 1e3 / t.gemm_gflops, 3))
      .add("host_ms", rounded_to(t.host_ms, 3))
      .add("exposed_comm_ms", rounded_to(t.exposed_comm_ms, 3))
      .add("batch", t.batch)
      .add("threads", threads)
      .add("ranks", t.ranks)
      .add("device", options.device)
      .add("dtype", options.dtype)
      .add_null("compile")
      .add("channels_last", true)
      .add("peak_rss_mb", std::round(t.peak_rss_mb))
      .add("peak_device_mb", std::round(t.peak_tensors_mb))
      .add("first_step_s", rounded_to(t.first_step_s, 3))
      .add("loss_first", rounded_to(t.loss_first, 4))
      .add("loss_last", rounded_to(t.loss_last, 4))
      .add("version", TRIREME_VERSION);
  return line.text();
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
  check_address_space();
  return on_ranks({.ranks = options.ranks, .as_threads = options.ranks_as_threads}, [&](RankView& view) {
    const int threads = threads_of(options.threads, view.ranks_on_host);
    RankDevice device({.device = options.device, .threads = threads}, view);
    const StepTiming timing = time_steps(options, device.backend(), device.world());
    if (view.world.rank() != 0) return 0;
    if (options.json) {
      std::cout << as_json(timing, options, threads) << std::endl;
    } else {
      print(timing);
    }
    return 0;
  });
}

}  // namespace trireme::launcher
