// Data that is missing, of the wrong kind, or too short.
#include <sys/stat.h>

#include <filesystem>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

namespace fs = std::filesystem;

// Token shards in nanoGPT's format.
constexpr const char* shard_job = R"(steps: 3
model { gpt { layers: 1 heads: 2 width: 16 sequence: 8 vocabulary: 256 } }
data { shards { train: "train.bin" } }
batch { global: 2 }
threads: 1
)";

class BadData : public ProgramTest {
 protected:
  void expect_refusal(const std::string& job, const Words& sets, std::initializer_list<std::string_view> phrases,
                      int most_lines = 1) {
    for (const Words& ranks : {Words{}, Words{"-n", "2"}, Words{"-n", "2", "--ranks-as-threads"}}) {
      Words words = ranks;
      for (const std::string& set : sets) words.insert(words.end(), {"--set", set});
      SCOPED_TRACE(testing::PrintToString(words));
      Command command = train(job, "run", words);
      command.heeds_permissions = true;
      expect_complaint(run(command), phrases, {.most_lines = most_lines});
      EXPECT_EQ(saved_step("run"), 0);
    }
  }
};

TEST_F(BadData, Missing) {
  expect_refusal(gpt_job, {"data.text.paths=nowhere.txt"}, {"nowhere.txt"});
}

TEST_F(BadData, Empty) {
  folder_.write("empty.txt", "");
  expect_refusal(gpt_job, {"data.text.paths=empty.txt"}, {"empty.txt"});
  fs::create_directory(path("empty"));
  expect_refusal(gpt_job, {"data.text.paths=empty"}, {"empty"});
}

TEST_F(BadData, NothingWithTheWantedNames) {
  expect_refusal(gpt_job, {"data.text.paths=.", "data.text.extensions=.rs"}, {".rs"});
}

TEST_F(BadData, ShorterThanTheContext) {
  folder_.write("short.txt", "too short");
  expect_refusal(gpt_job, {"data.text.paths=short.txt"}, {"16"});
  // Long enough for training, too short for validation.
  folder_.write("middling.txt", std::string(60, 'x'));
  expect_refusal(gpt_job, {"data.text.paths=middling.txt"}, {"validation"});
}

TEST_F(BadData, NoRegularFile) {
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  expect_refusal(gpt_job, {"data.text.paths=fifo"}, {"fifo"});
  expect_refusal(gpt_job, {"data.text.paths=/dev/zero"}, {"/dev/zero"});
}

TEST_F(BadData, Unreadable) {
  folder_.write("closed.txt", std::string(1000, 'x'));
  fs::permissions(path("closed.txt"), fs::perms::none);
  expect_refusal(gpt_job, {"data.text.paths=closed.txt"}, {"closed.txt", "Permission denied"});
}

TEST_F(BadData, Shards) {
  expect_refusal(shard_job, {}, {"train.bin"});
  folder_.write("train.bin", "");
  expect_refusal(shard_job, {}, {"train.bin"});
  folder_.write("train.bin", std::string(33, '\1'));
  expect_refusal(shard_job, {}, {"train.bin"});
  folder_.write("train.bin", std::string(2000, '\2'));  // token 514
  expect_refusal(shard_job, {}, {"train.bin", "514"});
  // Those for validation are looked at before the first step, too.
  const auto ones = [](std::size_t count) {
    std::string ids;
    for (std::size_t i = 0; i < count; ++i) ids.append("\1\0", 2);
    return ids;
  };
  folder_.write("train.bin", ones(1000));
  folder_.write("validation.bin", ones(50000) + std::string(20000, '\2'));
  expect_refusal(shard_job, {"data.shards.validation=validation.bin"}, {"validation.bin", "514"});
  std::string cut(1024, '\0');  // a header of llm.c that promises a million tokens
  const std::int32_t header[] = {20240520, 1, 1000000};
  cut.replace(0, sizeof header, reinterpret_cast<const char*>(header), sizeof header);
  folder_.write("train.bin", cut + std::string(200, '\1'));
  expect_refusal(shard_job, {}, {"train.bin", "1000000"});
}

TEST_F(BadData, TokenizerFiles) {
  const Words gpt2{"data.text.tokenizer=gpt2", "data.text.vocab=vocab.json", "data.text.merges=merges.txt"};
  expect_refusal(gpt_job, gpt2, {"vocab.json"});
  folder_.write("vocab.json", "{\"a\": 0");
  folder_.write("merges.txt", "#version: 0.2\n");
  expect_refusal(gpt_job, gpt2, {"vocab.json"});
}

TEST_F(BadData, ALostFileEndsOnlyTheNextRun) {
  expect_success(run(train(gpt_job, "run", {"--set", "steps=5", "--set", "checkpoint.every_steps=5"})));
  const auto before = state("run");
  fs::remove(path("text.txt"));
  expect_complaint(run(train(gpt_job, "run", {"--resume"})), {"text.txt"});
  EXPECT_EQ(state("run"), before);
}

}  // namespace
}  // namespace trireme::test
