// Every layout of one to eight ranks computes what one rank computes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "launcher/trainer/layout.h"
#include "runtime/base/error.h"
#include "tests/layouts/layouts.h"

namespace trireme::test {
namespace {

constexpr double tolerance = 2e-5;
const Recipe momentum{.optimizer = "momentum { }", .lr = 0.05};
const Training weights_of_steps{.steps = 3, .keep_weights = true};

// The layouts of a mesh: with and without sequences, every level of ZeRO, also in groups, every schedule.
std::vector<Layout> layouts_of(const Layout& mesh) {
  const std::vector<std::string> all{"gpipe", "1f1b", "interleaved", "zb_h1", "zb_v"}, one{"1f1b"};
  std::vector<Layout> layouts;
  for (const bool sequence : {false, true}) {
    if (sequence && mesh.tensor == 1) continue;  // one rank has all tokens: the same layout again
    for (int zero = 0; zero <= 3; ++zero)
      for (const std::string& schedule : mesh.pipeline > 1 ? all : one) {
        layouts.push_back(mesh);
        layouts.back().sequence = sequence;
        layouts.back().zero = zero;
        layouts.back().schedule = schedule;
      }
    for (int zero = 1; zero <= 3 && mesh.data % 2 == 0 && mesh.data > 2; ++zero) {
      layouts.push_back(mesh);
      layouts.back().sequence = sequence;
      layouts.back().zero = zero;
      layouts.back().zero_ranks = 2;
    }
  }
  return layouts;
}

// What one rank computes, for jobs of the sizes that layouts ask for.
class OneRank {
 public:
  explicit OneRank(const Model& model) : model_(model) {}

  const Outcome& losses(const Layout& layout) { return known(layout, {}, {}); }
  const Outcome& weights(const Layout& layout) { return known(layout, momentum, weights_of_steps); }

 private:
  const Outcome& known(const Layout& layout, const Recipe& recipe, const Training& how) {
    const job::Job job = job_for(model_, {}, recipe, layout);
    auto [found, fresh] = known_.try_emplace(launcher::resolved_text(job));
    if (fresh) {
      found->second = train(job, how);
      for (const double norm : found->second.norms) EXPECT_GT(norm, job.clip().norm()) << "clipping is to be tried";
    }
    return found->second;
  }

  const Model& model_;
  std::map<std::string, Outcome> known_;
};

// The layouts of so many ranks, or every `slices`th of them, so that long cases can run beside each other.
struct Case {
  const Model* model;
  int ranks;
  int slice = 0, slices = 1;
};

std::vector<Layout> layouts_of(const Case& which) {
  std::vector<Layout> all;
  int index = 0;
  for (const Layout& mesh : meshes(which.ranks))
    for (const Layout& layout : layouts_of(mesh))
      if (index++ % which.slices == which.slice) all.push_back(layout);
  return all;
}

class Matrix : public testing::TestWithParam<Case> {};

TEST_P(Matrix, LossesAndWeightsAreThoseOfOneRank) {
  const Model& model = *GetParam().model;
  OneRank one(model);
  int tried = 0, refused = 0;
  const std::vector<Layout> layouts = layouts_of(GetParam());
  for (const Layout& layout : layouts) {
    SCOPED_TRACE(std::string(model.name) + ", " + described(layout));
    try {
      const job::Job job = job_for(model, layout);
      expect_losses(train(job), one.losses(layout), tolerance);
      expect_weights(train(job_for(model, layout, momentum), weights_of_steps), one.weights(layout), tolerance);
      ++tried;
    } catch (const Error& error) {
      std::printf("refused: %s: %s\n", described(layout).c_str(), error.what());
      EXPECT_TRUE(!model.has_sequence && layout.sequence) << error.what();
      EXPECT_NE(std::string(error.what()).find("sequence"), std::string::npos) << error.what();
      ++refused;
    }
    if (HasFailure()) return;
  }
  std::printf("%s on %d ranks: %d layouts, %d refused\n", model.name, GetParam().ranks, tried, refused);
  const auto with_sequences = std::count_if(layouts.begin(), layouts.end(), [](const Layout& l) { return l.sequence; });
  EXPECT_EQ(refused, model.has_sequence ? 0 : with_sequences);
}

// A model that is whole on every rank: its batch and its state are shared out.
TEST(WholeModels, ComputeTheSameWhateverPartOfTheStateARankKeeps) {
  OneRank one(recurrent);
  for (const Layout& layout : {Layout{.data = 2},
                               {.data = 4, .zero = 1},
                               {.data = 2, .zero = 2},
                               {.data = 3, .zero = 3},
                               {.data = 4, .zero = 3, .zero_ranks = 2}}) {
    SCOPED_TRACE(described(layout));
    expect_losses(train(job_for(recurrent, layout)), one.losses(layout), tolerance);
    expect_weights(train(job_for(recurrent, layout, momentum), weights_of_steps), one.weights(layout), tolerance);
  }
  EXPECT_THROW(job_for(recurrent, {.tensor = 2}), Error);
  EXPECT_THROW(job_for(recurrent, {.pipeline = 2}), Error);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Model& model : all_models())
    for (int ranks = 1; ranks <= 8; ++ranks) {
      const int slices = ranks == 8 ? 6 : ranks == 6 ? 3 : 1;
      for (int slice = 0; slice < slices; ++slice) all.push_back({&model, ranks, slice, slices});
    }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Layouts, Matrix, testing::ValuesIn(cases()), [](const auto& each) {
  const Case& c = each.param;
  return std::string(c.model->name) + "_" + std::to_string(c.ranks) +
         (c.slices > 1 ? "_" + std::to_string(c.slice) : "");
});

// What is computed twice in a backward pass, now or with the weight gradients of a schedule that leaves them for later.
TEST(LayoutRecomputation, LossesAreThoseOfOneRank) {
  const Recipe recipe{.more = "recompute: block"};
  for (const Model* model : {&gpt, &llama})
    for (const Layout& layout : {Layout{.pipeline = 2, .schedule = "zb_h1"}, Layout{.pipeline = 2, .schedule = "zb_v"},
                                 Layout{.pipeline = 2, .data = 2, .zero = 3, .schedule = "1f1b"}}) {
      SCOPED_TRACE(std::string(model->name) + ", " + described(layout));
      expect_losses(train(job_for(*model, layout, recipe)), train(job_for(*model, {}, recipe, layout)), tolerance);
    }
}

}  // namespace
}  // namespace trireme::test
