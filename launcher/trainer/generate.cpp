#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "launcher/report/json_line.h"
#include "launcher/trainer/drawing.h"
#include "launcher/trainer/entry.h"
#include "launcher/trainer/finished_run.h"
#include "launcher/trainer/pictures.h"
#include "launcher/trainer/sampler.h"
#include "runtime/data/images/png.h"

namespace trireme::launcher {

namespace {

// A sheet of pictures beside the checkpoint's run.
int draw(FinishedRun& run, Drawing& task, const GenerateOptions& options) {
  require(options.pictures >= 1, "--pictures", "expected 1 or more, found", options.pictures);
  require(options.prompt.empty(), "--prompt", "expected no text for a model that draws");
  require(options.of_class < std::max<std::int64_t>(task.drawn_classes(), 0), "--class",
          "expected a class that the model was told of:", task.drawn_classes(), "classes, found", options.of_class);
  const DrawingOptions what{.count = options.pictures, .seed = options.seed, .of_class = options.of_class};
  const data::Image image = grid_of(task.draw(run.backend, what), task);
  const std::string out = options.out.empty()
                              ? (std::filesystem::path(run.checkpoint).parent_path() / "pictures.png").string()
                              : options.out;
  data::write_png(out, image);
  if (options.json) {
    JsonLine report;
    report.add("checkpoint", run.checkpoint).add("step", run.step).add("pictures", options.pictures).add("file", out);
    std::cout << report.text() << std::endl;
  } else {
    std::cout << out << ": " << options.pictures << " pictures by " << run.checkpoint << std::endl;
  }
  return 0;
}

}  // namespace

int generate(const GenerateOptions& options) {
  require(options.tokens >= 0, "--tokens", "expected 0 or more, found", options.tokens);
  require(std::isfinite(options.temperature) && options.temperature >= 0.0, "--temperature",
          "expected a number that is not negative, found", options.temperature);
  require(options.top_k >= 0, "--top-k", "expected 0 or more, found", options.top_k);
  FinishedRun run({.path = options.run, .sets = {}, .device = options.device, .threads = options.threads});
  if (auto* task = dynamic_cast<Drawing*>(run.task.get())) return draw(run, *task, options);
  require(options.out.empty() && options.of_class < 0, "generate", "expected no --out and no --class: the run",
          options.run, "is not of a model that draws");
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
