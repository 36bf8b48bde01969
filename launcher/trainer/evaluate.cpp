#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "launcher/trainer/entry.h"
#include "launcher/trainer/finished_run.h"

namespace trireme::launcher {
namespace {

// The mean loss of `samples` samples, `batch` at a time.
double mean_loss(FinishedRun& run, const data::Loader& loader, std::int64_t samples, std::int64_t batch) {
  double total = 0.0;
  for (std::int64_t begin = 0; begin < samples; begin += batch) {
    const std::int64_t count = std::min(batch, samples - begin);
    Context cx{*run.backend.device, *run.backend.kernels};
    cx.samples = count;
    const Tensor loss = run.task->loss(cx, loader.at(*run.backend.device, 0, {begin, count}));
    total += to_floats(loss)[0] * static_cast<double>(count);
  }
  return total / static_cast<double>(samples);
}

}  // namespace

int evaluate(const EvaluateOptions& options) {
  FinishedRun run({.path = options.run, .sets = options.sets, .device = options.device, .threads = options.threads});
  const Sources sources = open_data(run.job);
  if (!sources.validation) fail("evaluate", "the job keeps no validation data; set data.*.validation*");
  data::LoaderOptions order = loader_options(run.job);
  const std::int64_t all = sources.validation->samples();
  order.order = data::OrderKind::sequential;
  order.global_batch = all;
  const std::int64_t batch = run.job.batch().micro() > 0 ? run.job.batch().micro() : run.job.batch().global();
  const std::int64_t samples = options.batches > 0 ? std::min(all, options.batches * batch) : all;
  const double loss = mean_loss(run, data::Loader(sources.validation, order), samples, batch);
  const std::string unit = run.task->unit() == "tokens" ? "token" : "sample";
  if (options.json) {
    const nlohmann::ordered_json report{{"checkpoint", run.checkpoint}, {"step", run.step},
                                        {"samples", samples},           {"validation_loss", loss},
                                        {"unit", "nats per " + unit},   {"perplexity", std::exp(loss)}};
    std::cout << report.dump() << std::endl;
  } else {
    std::cout << run.checkpoint << ": validation loss " << loss << " nats per " << unit << " over " << samples
              << " samples (perplexity " << std::exp(loss) << ")" << std::endl;
  }
  return 0;
}

}  // namespace trireme::launcher
