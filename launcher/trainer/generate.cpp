#include <cmath>
#include <iostream>

#include "launcher/report/json_line.h"
#include "launcher/trainer/entry.h"
#include "launcher/trainer/finished_run.h"
#include "launcher/trainer/sampler.h"

namespace trireme::launcher {

int generate(const GenerateOptions& options) {
  require(options.tokens >= 0, "--tokens", "expected 0 or more, found", options.tokens);
  require(std::isfinite(options.temperature) && options.temperature >= 0.0, "--temperature",
          "expected a number that is not negative, found", options.temperature);
  require(options.top_k >= 0, "--top-k", "expected 0 or more, found", options.top_k);
  FinishedRun run({.path = options.run, .sets = {}, .device = options.device, .threads = options.threads});
  const auto tokenizer = make_tokenizer(run.job);
  auto* language = dynamic_cast<LanguageModel*>(run.task.get());
  if (!language || !tokenizer)
    fail("generate", "expected the run of a language model on text, found", options.run,
         language ? "trained on token shards: give data.text with its tokenizer in the job" : "of another model");
  const std::string text = sample_text(language->model(), run.backend, compute_dtype(run.job), *tokenizer,
                                       {.prompt = options.prompt,
                                        .tokens = options.tokens,
                                        .temperature = options.temperature,
                                        .top_k = options.top_k,
                                        .seed = options.seed});
  if (options.json) {
    JsonLine report;
    report.add("checkpoint", run.checkpoint).add("step", run.step).add("prompt", options.prompt).add("text", text);
    std::cout << report.text() << std::endl;
  } else {
    std::cout << options.prompt << text << std::endl;
  }
  return 0;
}

}  // namespace trireme::launcher
