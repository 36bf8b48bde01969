#include <algorithm>
#include <iostream>

#include "launcher/report/json_line.h"
#include "launcher/report/metrics.h"
#include "launcher/trainer/eight_bits.h"
#include "launcher/trainer/entry.h"
#include "launcher/trainer/finished_run.h"

namespace trireme::launcher {
namespace {

// The first `samples` samples, `batch` at a time.
Validation found_in(FinishedRun& run, const data::Loader& loader, std::int64_t samples, std::int64_t batch) {
  double total = 0.0;
  std::vector<double> records;
  for (std::int64_t begin = 0; begin < samples; begin += batch) {
    const std::int64_t count = std::min(batch, samples - begin);
    Context cx{*run.backend.device, *run.backend.kernels};
    cx.samples = count;
    const Tensor loss = run.task->measure(cx, loader.at(*run.backend.device, 0, {begin, count}), records);
    total += to_floats(loss)[0] * static_cast<double>(count);
  }
  const double loss = total / static_cast<double>(samples);
  return {.step = run.step, .loss = loss, .measures = run.task->measures(records, loss)};
}

// Which samples of the job's data are looked at.
std::shared_ptr<const data::Source> chosen(const Sources& sources, bool test) {
  if (test && !sources.test) fail("evaluate", "the job keeps no data for a test; set data.split.test");
  if (!test && !sources.validation) fail("evaluate", "the job keeps no validation data; set data.*.validation*");
  return test ? sources.test : sources.validation;
}

std::string confusion_as_json(const metrics::Measures& measures) {
  std::string list;
  for (const std::int64_t count : measures.confusion) list += (list.empty() ? "" : ",") + std::to_string(count);
  return '[' + list + ']';
}

// Rates of false and true positives, point by point.
std::string roc_as_json(const metrics::Measures& measures) {
  std::string list;
  for (const auto& [false_positives, true_positives] : measures.roc) {
    if (!list.empty()) list += ',';
    list += JsonLine().add("fpr", false_positives).add("tpr", true_positives).text();
  }
  return '[' + list + ']';
}

}  // namespace

int evaluate(const EvaluateOptions& options) {
  require(options.batches >= 0, "--batches", "expected 0 or more, found", options.batches);
  FinishedRun run({.path = options.run, .sets = options.sets, .device = options.device, .threads = options.threads});
  if (run.job.precision().compute() == job::Precision::fp8) use_eight_bits(*run.task, *run.backend.kernels);
  if (run.job.model().has_gan())
    fail("evaluate", options.run,
         "is the run of a GAN, which has no loss that tells how good it is; look at what it draws: trireme generate",
         options.run);
  const auto source = chosen(open_data(run.job), options.test);
  data::LoaderOptions order = loader_options(run.job);
  const std::int64_t all = source->samples();
  order.order = data::OrderKind::sequential;
  order.global_batch = all;
  const std::int64_t batch = run.job.batch().micro() > 0 ? run.job.batch().micro() : run.job.batch().global();
  const std::int64_t samples = validation_samples(run.job, options.batches, all);
  const Validation found = found_in(run, data::Loader(source, order), samples, batch);
  const bool text = run.task->unit() == "tokens";
  const std::string unit = std::string(run.task->loss_unit()) + " per " + (text ? "token" : "sample");
  const std::string part = options.test ? "test" : "validation";
  if (options.json) {
    JsonLine report;
    report.add("checkpoint", run.checkpoint).add("step", run.step).add("samples", samples);
    report.add(part + "_loss", found.loss).add("unit", unit);
    for (const metrics::Measure& measure : found.measures.scalars) report.add(measure.name, measure.value);
    if (!found.measures.confusion.empty()) report.add_json("confusion", confusion_as_json(found.measures));
    if (!found.measures.roc.empty()) report.add_json("roc", roc_as_json(found.measures));
    std::cout << report.text() << std::endl;
    return 0;
  }
  std::cout << run.checkpoint << ": " << part << " loss " << found.loss << ' ' << unit << " over " << samples
            << " samples";
  for (const metrics::Measure& measure : found.measures.scalars)
    std::cout << (text ? " (" : "\n  ") << measure.name << ' ' << measure.value << (text ? ")" : "");
  std::cout << std::endl;
  return 0;
}

}  // namespace trireme::launcher
