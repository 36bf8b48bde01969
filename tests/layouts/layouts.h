// Runs of jobs on ranks that are threads, without the program around them: for comparing layouts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "launcher/config/config.h"

namespace trireme::test {

struct Layout {
  int pipeline = 1;
  int data = 1;
  int tensor = 1;
  bool sequence = false;
  int zero = 0;
  std::string schedule = "1f1b";
  int zero_ranks = 0;

  int ranks() const { return pipeline * data * tensor; }
};
std::string described(const Layout& layout);

// Every product pipeline x data x tensor of `ranks` ranks.
std::vector<Layout> meshes(int ranks);

// A model whose sizes suit a layout: layers for the stages, heads and widths that the tensor axis divides, tokens that
// sequence parallelism shares out, a batch for the data axis. Layouts of the same kind get the same.
struct Model {
  const char* name;
  std::string (*text)(const Layout& layout);  // of a job's `model`
  bool has_sequence = true;                   // samples are sequences of tokens
  const char* data = "synthetic { samples: 50 }";
  bool in_passes = true;  // may take a batch in several; batch norm has statistics of each
};
extern const Model gpt, llama, mlp;
extern const Model recurrent, lenet, unet;  // whole on every rank
const std::vector<Model>& all_models();     // whose layers can be shared out

struct Recipe {
  std::string optimizer = "adamw { weight_decay: 0.1 }";
  double lr = 2e-3;
  std::string more = {};  // of the job
};
// Dropout is on, and clipping active. Throws what the program would say of an impossible job. Sizes are those that suit
// the layout, or `sizes`.
job::Job job_for(const Model& model, const Layout& layout, const Recipe& recipe = {});
job::Job job_for(const Model& model, const Layout& layout, const Recipe& recipe, const Layout& sizes);

using Weights = std::map<std::string, std::vector<float>>;

struct Outcome {
  std::vector<double> losses, norms;
  std::vector<bool> skipped;
  Weights weights;                  // whole tensors, from the parts of all ranks
  std::vector<std::int64_t> peaks;  // bytes of memory, by rank
};

struct Training {
  int steps = 10;
  bool keep_weights = false;
  std::string load = {};  // a checkpoint to go on from
  std::string save = {};  // where to save when the steps are done
};
// Trains `job` on as many ranks as it asks for. Every rank must report the same.
Outcome train(const job::Job& job, const Training& how = {});

// Relative to what one rank has: each loss, each norm of the gradients (ten times as far), and each weight tensor as
// the norm of the difference over its norm.
void expect_losses(const Outcome& got, const Outcome& want, double tolerance);
void expect_weights(const Outcome& got, const Outcome& want, double tolerance);

}  // namespace trireme::test
