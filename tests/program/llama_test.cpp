// A Llama through the whole program: trained, gone on with, split, evaluated, sampled, planned.
#include <string>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

constexpr const char* llama_job = R"(steps: 12
model { llama { layers: 2 heads: 4 kv_heads: 2 width: 32 hidden: 48 sequence: 16 dropout: 0.1 } }
data { text { paths: "text.txt" } }
batch { global: 8 }
schedule { lr: 3e-3 warmup_steps: 3 cosine { } }
clip { norm: 1 }
evaluate { every_steps: 6 batches: 2 }
checkpoint { every_steps: 6 keep: 5 }
threads: 1
)";

class LlamaProgram : public ProgramTest {};

TEST_F(LlamaProgram, LearnsGoesOnAndSplits) {
  expect_success(run(train(llama_job, "one")));
  const auto all = losses("one");
  ASSERT_EQ(all.size(), 12u);
  EXPECT_LT(all.back(), all.front() - 0.5);
  const auto end = state("one");
  expect_success(run(train(llama_job, "one", {"--resume=one/step-00000006"})));
  EXPECT_EQ(losses("one"), all);
  EXPECT_EQ(state("one"), end);
  expect_success(
      run(train(llama_job, "stages",
                {"-n", "2", "--ranks-as-threads", "--set", "parallel.pipeline=2", "--set", "batch.micro=2"})));
  expect_near(losses("stages"), all, 2e-5);

  const Ended text = run(trireme({"generate", "one", "--tokens", "8", "--prompt", "three", "--temperature", "0"}));
  expect_success(text);
  EXPECT_EQ(text.out.find("three"), 0u) << text.out;
  const Ended judged = run(trireme({"evaluate", "one"}));
  expect_success(judged);
  EXPECT_NE(judged.out.find("validation loss"), std::string::npos) << judged.out;
}

TEST_F(LlamaProgram, PublishedSizesArePlanned) {
  std::string job =
      "steps: 1\nmodel { llama { preset: \"llama2-7b\" } }\ndata { synthetic { } }\nbatch { global: 8 }\n";
  folder_.write("job.textproto", job);
  for (const auto& [name, count] :
       {std::pair<std::string, std::int64_t>{"llama2-7b", 6738415616}, {"llama3-8b", 8030261248}}) {
    const Ended planned =
        run(trireme({"plan", "job.textproto", "-n", "8", "--json", "--set", "model.llama.preset=" + name}));
    expect_success(planned);
    EXPECT_EQ(nlohmann::json::parse(planned.out).at("parameters"), count) << name;
  }
}

TEST_F(LlamaProgram, HeadsThatDoNotFitAreRefused) {
  expect_complaint(run(train(llama_job, "no", {"--set", "model.llama.heads=3"})), {"model.llama.heads", "32", "3"});
  expect_complaint(run(train(llama_job, "no", {"--set", "model.llama.kv_heads=3"})),
                   {"model.llama.kv_heads", "4 is not a multiple of 3"});
}

}  // namespace
}  // namespace trireme::test
