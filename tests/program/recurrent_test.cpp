// A recurrent language model through the whole program: trained, gone on with, split, evaluated, sampled, planned,
// timed.
#include <string>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

constexpr const char* recurrent_job = R"(steps: 12
model { recurrent { kind: lstm layers: 2 width: 24 sequence: 16 dropout: 0.1 } }
data { text { paths: "text.txt" } }
batch { global: 8 }
optimizer { adam { } }
schedule { lr: 1e-2 warmup_steps: 3 cosine { } }
clip { norm: 1 }
evaluate { every_steps: 6 batches: 2 }
checkpoint { every_steps: 6 keep: 5 }
threads: 1
)";

class RecurrentProgram : public ProgramTest {};

TEST_F(RecurrentProgram, LearnsGoesOnAndSplits) {
  expect_success(run(train(recurrent_job, "one")));
  const auto all = losses("one");
  ASSERT_EQ(all.size(), 12u);
  EXPECT_LT(all.back(), all.front() - 0.5);
  const auto end = state("one");
  expect_success(run(train(recurrent_job, "one", {"--resume=one/step-00000006"})));
  EXPECT_EQ(losses("one"), all);
  EXPECT_EQ(state("one"), end);
  expect_success(run(train(recurrent_job, "parts", {"-n", "2", "--ranks-as-threads", "--set", "parallel.zero=3"})));
  expect_near(losses("parts"), all, 2e-5);

  const Ended text = run(trireme({"generate", "one", "--tokens", "40", "--prompt", "three", "--temperature", "0"}));
  expect_success(text);
  EXPECT_EQ(text.out.find("three"), 0u) << text.out;
  const Ended judged = run(trireme({"evaluate", "one"}));
  expect_success(judged);
  EXPECT_NE(judged.out.find("validation loss"), std::string::npos) << judged.out;
}

TEST_F(RecurrentProgram, IsPlannedAndTimed) {
  folder_.write("job.textproto",
                "steps: 1\nmodel { recurrent { vocabulary: 256 } }\ndata { synthetic { } }\nbatch { global: 64 }\n");
  const Ended planned = run(trireme({"plan", "job.textproto", "-n", "2", "--json"}));
  expect_success(planned);
  EXPECT_EQ(nlohmann::json::parse(planned.out).at("parameters"), 4464896) << planned.out;
  const Ended timed = run(
      trireme({"bench", "step", "lstm", "--batch", "1", "--steps", "1", "--warmup", "1", "--threads", "1", "--json"}));
  expect_success(timed);
  const auto line = nlohmann::json::parse(timed.out);
  EXPECT_EQ(line.at("params"), 4464896);
  EXPECT_NEAR(line.at("gflop_per_step").get<double>(), 106.3 / 32, 0.01);
}

TEST_F(RecurrentProgram, LayoutsThatCutItAreRefused) {
  for (const std::string axis : {"tensor", "pipeline"})
    expect_complaint(
        run(train(recurrent_job, "no", {"-n", "2", "--set", "parallel." + axis + "=2", "--set", "batch.micro=4"})),
        {axis});
}

}  // namespace
}  // namespace trireme::test
