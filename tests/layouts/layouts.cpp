#include "tests/layouts/layouts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <sstream>

#include "launcher/trainer/rank_training.h"
#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

// The smallest of the sizes in use that `parts` divides: 8 suits 1, 2, 4 and 8, 6 suits 3 and 6.
int suiting(int parts) {
  return parts == 5 || parts == 7 ? parts : parts % 3 == 0 ? 6 : 8;
}

int layers_for(const Layout& layout) {
  return 2 * std::max(2, layout.pipeline);  // two for each rank, for schedules with two chunks
}

std::string gpt_text(const Layout& layout) {
  const int heads = suiting(layout.tensor);
  std::ostringstream text;
  text << "gpt { layers: " << layers_for(layout) << " heads: " << heads << " width: " << 2 * heads
       << " sequence: " << heads << " vocabulary: 37 dropout: 0.2 }";
  return text.str();
}

// Two query heads for each head of keys and values.
std::string llama_text(const Layout& layout) {
  const int heads = suiting(layout.tensor);
  std::ostringstream text;
  text << "llama { layers: " << layers_for(layout) << " heads: " << 2 * heads << " kv_heads: " << heads
       << " width: " << 4 * heads << " hidden: " << 3 * heads << " sequence: " << heads
       << " vocabulary: 37 dropout: 0.2 }";
  return text.str();
}

// An odd number of layers: the last is not one of a pair.
std::string mlp_text(const Layout& layout) {
  const int width = 2 * suiting(layout.tensor);
  std::ostringstream text;
  text << "mlp { inputs: 10 classes: 5 dropout: 0.2 activation: gelu hidden: [";
  for (int i = 0; i < layers_for(layout); ++i) text << (i > 0 ? ", " : "") << (i % 2 == 0 ? width : 9);
  text << "] }";
  return text.str();
}

std::string lenet_text(const Layout&) {
  return "lenet { size: 26 classes: 5 }";
}

// With batch norm.
std::string unet_text(const Layout&) {
  return "unet { size: 16 classes: 4 width: 4 levels: 2 }";
}

// A vocabulary below the tokens of one rank's batch, and below those of others not.
std::string recurrent_text(const Layout&) {
  return "recurrent { kind: gru layers: 2 width: 10 sequence: 6 vocabulary: 37 dropout: 0.2 }";
}

job::Job make_job(const Model& model, const Layout& sizes, const Layout& layout, const Recipe& recipe) {
  const int batch = sizes.data == 5 || sizes.data == 7 ? 2 * sizes.data : sizes.data % 3 == 0 ? 12 : 8;
  const int passes = !model.in_passes ? 1 : layout.pipeline > 1 ? 4 : layout.ranks() > 1 ? 2 : 1;
  std::ostringstream text;
  text << "model { " << model.text(sizes) << " } data { " << model.data << " } batch { global: " << batch
       << " micro: " << std::max(1, batch / layout.data / passes) << " } optimizer { " << recipe.optimizer
       << " } schedule { lr: " << recipe.lr << " } clip { norm: 0.05 } seed: 9 parallel { pipeline: " << layout.pipeline
       << " data: " << layout.data << " tensor: " << layout.tensor
       << " sequence: " << (layout.sequence ? "true" : "false") << " zero: " << layout.zero
       << " zero_ranks: " << layout.zero_ranks << " schedule: \"" << layout.schedule
       << "\" bucket_mib: 0.002 } steps: 100 " << recipe.more;
  return launcher::load_job_text("layout", text.str());
}

// Puts what this rank keeps of every weight where it belongs in the whole ones.
void collect(const nn::FlatParameters& parameters, Weights& whole) {
  for (const nn::OwnedRange& range : parameters.owned()) {
    const std::vector<float> here = to_floats(range.weights);
    for (const nn::Placement& p : parameters.placements()) {
      const std::int64_t from = std::max(range.begin, p.begin), to = std::min(range.end, p.begin + p.count);
      if (from >= to) continue;
      std::vector<float>& all = whole[p.parameter->name];
      all.resize(static_cast<std::size_t>(p.parameter->piece.whole.numel()));
      for (const nn::Run& run : nn::runs_of(p.parameter->piece, from - p.begin, to - from))
        std::copy_n(here.begin() + (p.begin + run.here - range.begin), run.count, all.begin() + run.whole);
    }
  }
}

void load(launcher::RankTraining& training, const std::string& path) {
  parallel::load_state(store::CheckpointReader(path), training.state());
  training.player().store_state();
  training.player().weights_changed();
}

class Rank {
 public:
  Rank(const job::Job& job, Group& group)
      : training_(job, backend_, group, launcher::layout_of(job, group.size())),
        step_(training_.context()),
        loader_(launcher::open_data(job).training, launcher::loader_options(job)) {}

  void run(const Training& how, Outcome& outcome) {
    Group& world = training_.mesh().world();
    if (!how.load.empty()) load(training_, how.load);
    const parallel::BatchSource batches = [&](std::int64_t number, data::Share share) {
      return loader_.at(*backend_.device, number, share);
    };
    const std::int64_t first = how.load.empty() ? 0 : store::CheckpointReader(how.load).step();
    for (std::int64_t number = first; number < first + how.steps; ++number) {
      const parallel::StepReport report = step_.run(number, batches, false).report();
      outcome.losses.push_back(report.loss);
      outcome.norms.push_back(report.skipped ? 0.0 : report.gradient_norm);  // it is not finite
      outcome.skipped.push_back(report.skipped);
    }
    if (!how.save.empty())
      parallel::save_state(how.save, first + how.steps, training_.state(), {}, world, backend_.device->compute());
  }
  const nn::FlatParameters& parameters() { return training_.player().parameters; }
  std::int64_t peak() const { return backend_.device->memory().peak; }

 private:
  Backend backend_ = make_backend("cpu", 1);
  launcher::RankTraining training_;
  parallel::TrainStep step_;
  data::Loader loader_;
};

}  // namespace

constinit const Model gpt{"gpt", gpt_text};
constinit const Model llama{"llama", llama_text};
constinit const Model recurrent{"recurrent", recurrent_text};
constinit const Model mlp{"mlp", mlp_text, /*has_sequence=*/false};
constinit const Model lenet{"lenet", lenet_text, /*has_sequence=*/false};
constinit const Model unet{"unet", unet_text, /*has_sequence=*/false,
                           "images { drawn { kind: shapes samples: 50 size: 16 } }", /*in_passes=*/false};

const std::vector<Model>& all_models() {
  static const std::vector<Model> models{gpt, llama, mlp};
  return models;
}

std::string described(const Layout& layout) {
  std::ostringstream text;
  text << "pipeline " << layout.pipeline << " x data " << layout.data << " x tensor " << layout.tensor
       << (layout.sequence ? " with sequences" : "") << ", zero " << layout.zero;
  if (layout.zero_ranks > 0) text << " in groups of " << layout.zero_ranks;
  if (layout.pipeline > 1) text << ", " << layout.schedule;
  return text.str();
}

std::vector<Layout> meshes(int ranks) {
  std::vector<Layout> all;
  for (int pipeline = 1; pipeline <= ranks; ++pipeline)
    for (int data = 1; data * pipeline <= ranks; ++data)
      if (ranks % (pipeline * data) == 0)
        all.push_back({.pipeline = pipeline, .data = data, .tensor = ranks / (pipeline * data)});
  return all;
}

job::Job job_for(const Model& model, const Layout& layout, const Recipe& recipe) {
  return job_for(model, layout, recipe, layout);
}

job::Job job_for(const Model& model, const Layout& layout, const Recipe& recipe, const Layout& sizes) {
  job::Job job = make_job(model, sizes, layout, recipe);
  (void)launcher::layout_of(job, layout.ranks());
  return job;
}

Outcome train(const job::Job& job, const Training& how) {
  Outcome outcome;
  std::mutex mutex;
  run_ranks(launcher::ranks_of(job), [&](Group& group) {
    Rank rank(job, group);
    Outcome mine;
    rank.run(how, mine);
    const std::lock_guard lock(mutex);
    outcome.peaks.resize(static_cast<std::size_t>(group.size()));
    outcome.peaks[static_cast<std::size_t>(group.rank())] = rank.peak();
    if (how.keep_weights) collect(rank.parameters(), outcome.weights);
    if (outcome.losses.empty()) {
      outcome.losses = mine.losses;
      outcome.norms = mine.norms;
      outcome.skipped = mine.skipped;
    }
    EXPECT_EQ(outcome.losses, mine.losses) << "rank " << group.rank();
    EXPECT_EQ(outcome.norms, mine.norms) << "rank " << group.rank();
    EXPECT_EQ(outcome.skipped, mine.skipped) << "rank " << group.rank();
  });
  return outcome;
}

void expect_losses(const Outcome& got, const Outcome& want, double tolerance) {
  ASSERT_EQ(got.losses.size(), want.losses.size());
  for (std::size_t i = 0; i < want.losses.size(); ++i) {
    EXPECT_NEAR(got.losses[i], want.losses[i], tolerance * want.losses[i]) << "step " << i;
    EXPECT_NEAR(got.norms[i], want.norms[i], 10 * tolerance * want.norms[i]) << "step " << i;
  }
}

void expect_weights(const Outcome& got, const Outcome& want, double tolerance) {
  ASSERT_EQ(got.weights.size(), want.weights.size());
  for (const auto& [name, values] : want.weights) {
    const std::vector<float>& mine = got.weights.at(name);
    ASSERT_EQ(mine.size(), values.size()) << name;
    double difference = 0.0, size = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      difference += std::pow(double{mine[i]} - double{values[i]}, 2);
      size += std::pow(double{values[i]}, 2);
    }
    EXPECT_LE(std::sqrt(difference), tolerance * std::sqrt(size) + 1e-12) << name;
  }
}

}  // namespace trireme::test
