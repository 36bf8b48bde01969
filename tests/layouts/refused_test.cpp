// Layouts that one job cannot have, and what is said of each.
#include <gtest/gtest.h>

#include <cstdio>

#include "launcher/trainer/layout.h"
#include "runtime/base/error.h"
#include "tests/layouts/layouts.h"
#include "tests/support/scratch_folder.h"

namespace trireme::test {
namespace {

// 4 layers, 4 heads, 12 samples a step in micro-batches of 2, 6 tokens each.
job::Job small_job(const Layout& layout, const std::string& set = "seed=1") {
  const std::vector<std::string> sets{"parallel.pipeline=" + std::to_string(layout.pipeline),
                                      "parallel.data=" + std::to_string(layout.data),
                                      "parallel.tensor=" + std::to_string(layout.tensor),
                                      std::string("parallel.sequence=") + (layout.sequence ? "true" : "false"), set};
  return launcher::load_job_text(
      "job",
      "model { gpt { layers: 4 heads: 4 width: 8 sequence: 6 } } data { synthetic {} } batch { global: 12 micro: 2 }",
      sets);
}

TEST(RefusedLayouts, AreThoseThatTheArithmeticForbidsEachWithItsReason) {
  int works = 0, refused = 0;
  for (int ranks = 1; ranks <= 8; ++ranks)
    for (Layout layout : meshes(ranks))
      for (const bool sequence : {false, true}) {
        layout.sequence = sequence;
        const bool possible = layout.pipeline <= 4 && 6 % layout.data == 0 && 4 % layout.tensor == 0 &&
                              (!sequence || 6 % layout.tensor == 0);
        const std::string reason = message_of<Error>([&] { launcher::layout_of(small_job(layout), layout.ranks()); });
        EXPECT_EQ(reason == "no error", possible) << described(layout) << ": " << reason;
        if (possible) {
          ++works;
          continue;
        }
        ++refused;
        std::printf("%s: %s\n", described(layout).c_str(), reason.c_str());
        const bool helps = reason.find("nearest") != std::string::npos || reason.find("no layout") != std::string::npos;
        EXPECT_TRUE(helps || reason.find("batch.global 12 is not a multiple") != std::string::npos) << reason;
      }
  EXPECT_EQ(works + refused, 2 * 38);
  EXPECT_EQ(works, 39);
}

TEST(RefusedLayouts, NameTheNumbersAndWhatWouldDo) {
  const auto refusal = [](const Layout& layout, int ranks, const std::string& set = "seed=1") {
    return message_of<Error>([&] { launcher::layout_of(small_job(layout, set), ranks); });
  };
  const auto expect = [](const std::string& reason, const std::string& part) {
    EXPECT_NE(reason.find(part), std::string::npos) << reason;
  };
  const std::string heads = refusal({.tensor = 3}, 3);
  expect(heads, "divides the 4 attention heads; found 3, and 4 = 1 x 3 + 1");
  expect(heads, "pipeline 3 x data 1 x tensor 1");
  const std::string layers = refusal({.pipeline = 5}, 5);
  expect(layers, "at most the 4 layers; found 5");
  expect(layers, "no layout of 5 ranks");
  const std::string chunks = refusal({.pipeline = 4}, 4, "parallel.schedule=zb_v");
  expect(chunks, "at most the 2 stages, each with a layer of the model's for every chunk; found 4");
  EXPECT_EQ(chunks.find("pipeline 1 x"), std::string::npos) << "has no schedule: " << chunks;
  expect(chunks, "pipeline 2 x data 2 x tensor 1");
  expect(refusal({.pipeline = 2, .data = 2, .tensor = 2}, 6), "pipeline 2 x data 2 x tensor 2 = 8");
  const std::string micros = refusal({.data = 4}, 4);
  expect(micros, "divides the 6 micro-batches of a step; found 4, and 6 = 1 x 4 + 2");
  expect(micros, "pipeline 2 x data 2 x tensor 1");
  expect(refusal({.tensor = 4, .sequence = true}, 4), "the 6 tokens of a sample");
  expect(refusal({.data = 6}, 6, "parallel.zero_ranks=4"), "expected 0 where parallel.zero is 0");
  const std::string groups = message_of<Error>([&] {
    job::Job job = small_job({.data = 6}, "parallel.zero=1");
    job.mutable_parallel()->set_zero_ranks(4);
    launcher::layout_of(job, 6);
  });
  expect(groups, "a multiple of the 4 ranks of a group that shards (parallel.zero_ranks); found 6, and 6 = 1 x 4 + 2");
  expect(groups, "no layout of 6 ranks fits the job");
}

}  // namespace
}  // namespace trireme::test
