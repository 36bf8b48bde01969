// Every layout of one to eight ranks computes what one rank computes.
#include <gtest/gtest.h>

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

struct Case {
  const Model* model;
  int ranks;
};

class Matrix : public testing::TestWithParam<Case> {};

TEST_P(Matrix, LossesAndWeightsAreThoseOfOneRank) {
  const Model& model = *GetParam().model;
  OneRank one(model);
  int tried = 0, refused = 0, asked = 0;
  for (const Layout& mesh : meshes(GetParam().ranks))
    for (const Layout& layout : layouts_of(mesh)) {
      SCOPED_TRACE(std::string(model.name) + ", " + described(layout));
      ++asked;
      try {
        const job::Job job = job_for(model, layout);
        expect_losses(train(job), one.losses(layout), tolerance);
        expect_weights(train(job_for(model, layout, momentum), weights_of_steps), one.weights(layout), tolerance);
        ++tried;
      } catch (const Error& error) {
        std::printf("refused: %s: %s\n", described(layout).c_str(), error.what());
        EXPECT_TRUE(!model.has_sequence && layout.sequence) << error.what();
        ++refused;
      }
      if (HasFailure()) return;
    }
  std::printf("%s on %d ranks: %d layouts, %d refused\n", model.name, GetParam().ranks, tried, refused);
  EXPECT_EQ(tried + refused, asked);
  int with_sequences = 0;
  for (const Layout& mesh : meshes(GetParam().ranks))
    for (const Layout& layout : layouts_of(mesh)) with_sequences += layout.sequence ? 1 : 0;
  EXPECT_EQ(refused, model.has_sequence ? 0 : with_sequences);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Model& model : all_models())
    for (int ranks = 1; ranks <= 8; ++ranks) all.push_back({&model, ranks});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Layouts, Matrix, testing::ValuesIn(cases()), [](const auto& each) {
  return std::string(each.param.model->name) + "_" + std::to_string(each.param.ranks);
});

}  // namespace
}  // namespace trireme::test
