// What one layout saves, any other loads, and goes on as if nothing had happened.
#include <gtest/gtest.h>

#include "tests/layouts/layouts.h"
#include "tests/support/scratch_folder.h"

namespace trireme::test {
namespace {

constexpr double tolerance = 2e-5;
const Layout sizes{.pipeline = 4, .data = 4, .tensor = 4};  // that suit all of these

void expect_to_go_on(const Model& model, const std::vector<Layout>& layouts, int* pairs) {
  const ScratchFolder folder;
  const Outcome one = train(job_for(model, {}, {}, sizes), {.steps = 20});
  Outcome next;
  next.losses.assign(one.losses.begin() + 10, one.losses.end());
  next.norms.assign(one.norms.begin() + 10, one.norms.end());
  for (const Layout& saved : layouts) {
    const std::string path = folder / "step-" + std::to_string(&saved - layouts.data());
    const job::Job job = job_for(model, saved, {}, sizes);
    (void)train(job, {.save = path});
    const Outcome whole = train(job, {.steps = 20});
    for (const Layout& loaded : layouts) {
      SCOPED_TRACE(described(saved) + " -> " + described(loaded));
      const Outcome got = train(job_for(model, loaded, {}, sizes), {.load = path});
      expect_losses(got, next, tolerance);
      if (&saved == &loaded) {
        EXPECT_EQ(got.losses, std::vector(whole.losses.begin() + 10, whole.losses.end())) << "bit for bit";
        EXPECT_EQ(got.norms, std::vector(whole.norms.begin() + 10, whole.norms.end())) << "bit for bit";
      } else {
        ++*pairs;
      }
    }
  }
}

TEST(LayoutSnapshots, GoOnUnderEveryOtherLayout) {
  int pairs = 0;
  expect_to_go_on(gpt,
                  {{},
                   {.data = 4, .zero = 3},
                   {.tensor = 4, .sequence = true},
                   {.pipeline = 4, .tensor = 2, .schedule = "zb_h1"},
                   {.pipeline = 2, .data = 2, .tensor = 2, .zero = 2, .schedule = "zb_v"},
                   {.data = 4, .tensor = 2, .zero = 1, .zero_ranks = 2}},
                  &pairs);
  EXPECT_EQ(pairs, 30);
  expect_to_go_on(mlp, {{.data = 2, .tensor = 4, .zero = 3}, {.pipeline = 4, .schedule = "interleaved"}, {.tensor = 2}},
                  &pairs);
  EXPECT_EQ(pairs, 36);
}

}  // namespace
}  // namespace trireme::test
