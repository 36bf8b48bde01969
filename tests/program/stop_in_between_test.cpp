// A run that is told to stop while it does something else than steps: reads text, validates, writes a sample.
#include <csignal>
#include <random>
#include <thread>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

constexpr int stopped_early = 75;
constexpr double soon = 5.0;  // seconds

// Each pass over its validation set takes minutes, and so does its sample.
constexpr const char* patient_job = R"(steps: 6
model { gpt { layers: 2 heads: 2 width: 64 sequence: 32 } }
data { text { paths: "long.txt" validation_fraction: 0.9 } }
batch { global: 16 micro: 4 }
evaluate { every_steps: 3 batches: 0 }
sample { tokens: 100000000 }
log { every_steps: 1 }
threads: 1
)";

class StopInBetween : public ProgramTest {
 protected:
  void write_long_text() {
    const std::string page = read_file(path("text.txt"));
    std::string text;
    for (int copy = 0; copy < 2000; ++copy) text += page;
    folder_.write("long.txt", text);
  }
  // Signals a while after `words` were said.
  Ended stop(const Command& command, const std::string& words) {
    Running running(command);
    EXPECT_TRUE(running.says(words));
    return stop(running, SIGINT);
  }
  Ended stop(Running& running, int signal) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    running.signal(signal);
    const auto start = std::chrono::steady_clock::now();
    Ended ended = running.wait();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took.count(), soon * patience) << ended.out << ended.err;
    EXPECT_TRUE(running.is_gone(1.0));
    return ended;
  }
};

class StopRanksInBetween : public StopInBetween, public testing::WithParamInterface<const char*> {};

TEST_P(StopRanksInBetween, AValidation) {
  write_long_text();
  const Ended ended = stop(train(patient_job, "run", {"-n", GetParam()}), "step 3/6");
  EXPECT_EQ(ended.code, stopped_early) << ended.out << ended.err;
  EXPECT_EQ(saved_step("run"), 3) << ended.out << ended.err;
  EXPECT_EQ(count(ended.out, "told to stop after step 3; go on with --resume"), 1) << ended.out;
  EXPECT_EQ(count(ended.out, "validation"), 0) << "nothing was measured: " << ended.out;
  // It goes on as if nothing had been.
  const Words quick{"-n", GetParam(), "--set", "evaluate.batches=1", "--set", "sample.tokens=0"};
  Words resume = quick;
  resume.push_back("--resume");
  expect_success(run(train(patient_job, "run", resume)));
  expect_success(run(train(patient_job, "whole", quick)));
  EXPECT_EQ(losses("run"), losses("whole"));
  EXPECT_EQ(state("run"), state("whole"));
}

TEST_P(StopRanksInBetween, TheLastValidation) {
  write_long_text();
  const Ended ended =
      stop(train(patient_job, "run", {"-n", GetParam(), "--set", "evaluate.every_steps=0"}), "saved run/step-00000006");
  EXPECT_EQ(ended.code, stopped_early) << ended.out << ended.err;
  EXPECT_EQ(saved_step("run"), 6);
}

TEST_P(StopRanksInBetween, TheSample) {
  const Ended ended =
      stop(train(patient_job, "run",
                 {"-n", GetParam(), "--set", "data.text.paths=text.txt", "--set", "data.text.validation_fraction=0"}),
           "saved run/step-00000006");
  EXPECT_EQ(ended.code, stopped_early) << ended.out << ended.err;
  EXPECT_EQ(saved_step("run"), 6);
  EXPECT_EQ(count(ended.out, "--- sample ---"), 0);
}

// Text of which no two words are alike takes a byte-pair encoder long, the more so where it has no place to be cut.
TEST_P(StopRanksInBetween, TheReadingOfText) {
  nlohmann::json vocabulary;
  for (int byte = 0, other = 256; byte < 256; ++byte) {  // GPT-2's letters for bytes
    const bool shown = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    const int letter = shown ? byte : other++;
    const std::string text =
        letter < 128 ? std::string(1, static_cast<char>(letter))
                     : std::string{static_cast<char>(0xC0 | (letter >> 6)), static_cast<char>(0x80 | (letter & 63))};
    vocabulary[text] = byte;
  }
  vocabulary["<|endoftext|>"] = 256;
  folder_.write("vocab.json", vocabulary.dump());
  folder_.write("merges.txt", "#version: 0.2\n");
  std::mt19937_64 random(1);
  std::string text;
  while (text.size() < 100'000'000) {
    for (std::uint64_t letters = random(); letters > 0; letters /= 26) text += static_cast<char>('a' + letters % 26);
    text += "\xe3\x80\x81";  // a comma that is not ASCII
  }
  folder_.write("long.txt", text);
  Running running(train(patient_job, "run",
                        {"-n", GetParam(), "--set", "data.text.tokenizer=gpt2", "--set", "data.text.vocab=vocab.json",
                         "--set", "data.text.merges=merges.txt"}));
  ASSERT_TRUE(running.exists(path("run")));
  const Ended ended = stop(running, SIGTERM);
  EXPECT_EQ(ended.code, stopped_early) << ended.out << ended.err;
  EXPECT_EQ(count(ended.out, "told to stop before the first step"), 1) << ended.out;
  EXPECT_EQ(saved_step("run"), 0);
}

INSTANTIATE_TEST_SUITE_P(Ranks, StopRanksInBetween, testing::Values("1", "2"),
                         [](const auto& each) { return std::string("n") + each.param; });

// There is nothing to save: they leave at once.
TEST_F(StopInBetween, GenerateAndEvaluate) {
  write_long_text();
  expect_success(run(train(patient_job, "run", {"--set", "evaluate.batches=1", "--set", "sample.tokens=0"})));
  for (const Words& words : {Words{"generate", "run", "--tokens", "100000000"}, Words{"evaluate", "run"}}) {
    SCOPED_TRACE(words[0]);
    Running running(trireme(words));
    const Ended ended = stop(running, SIGINT);
    EXPECT_EQ(ended.code, 128 + SIGINT);
    EXPECT_EQ(ended.err, "");
  }
}

}  // namespace
}  // namespace trireme::test
