// Checkpoints that are damaged, cannot be written, or belong to something else.
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

namespace fs = std::filesystem;

// As a full disk does, but for one process: what it writes past so many bytes of a file fails.
void limit_files(pid_t process, std::uint64_t bytes) {
  const rlimit limit{bytes, bytes};
  EXPECT_EQ(prlimit(process, RLIMIT_FSIZE, &limit, nullptr), 0);
}

class BadCheckpoint : public ProgramTest {
 protected:
  // Its file of tensors is larger than the log of a long run.
  const Words large_model{"--set", "model.gpt.width=256",  "--set", "model.gpt.layers=1",
                          "--set", "log.tensorboard=false"};

  // A run with checkpoints after steps 10 and 20.
  void make_run(const std::string& job = gpt_job) {
    expect_success(run(train(job, "run", {"--set", "checkpoint.every_steps=10", "--set", "checkpoint.keep=5"})));
    ASSERT_TRUE(fs::exists(newest() + "/model.safetensors"));
  }
  std::string newest() const { return path("run/step-00000020"); }

  void flip_a_bit(const std::string& file, std::int64_t from_end) const {
    std::string bytes = read_file(file);
    bytes[bytes.size() - static_cast<std::size_t>(from_end)] ^= 4;
    std::ofstream(file, std::ios::binary) << bytes;
  }
  void cut(const std::string& file, std::uintmax_t bytes) const { fs::resize_file(file, fs::file_size(file) - bytes); }

  Ended resume(const Words& more = {}) {
    Words words{"--resume", "--set", "steps=25"};
    words.insert(words.end(), more.begin(), more.end());
    return run(train(gpt_job, "run", words));
  }
};

TEST_F(BadCheckpoint, AFlippedBitIsRefusedByName) {
  make_run();
  flip_a_bit(newest() + "/model.safetensors", 100);
  for (const Words& words :
       {Words{"generate", "run/step-00000020", "--tokens", "5"}, Words{"evaluate", "run/step-00000020"}}) {
    SCOPED_TRACE(words[0]);
    const Ended ended = run(trireme(words));
    expect_complaint(ended, {"step-00000020/model.safetensors", "tensor", "checksum"});
    EXPECT_EQ(ended.out, "");
  }
  expect_complaint(run(train(gpt_job, "run", {"--resume=run/step-00000020", "--set", "steps=25"})),
                   {"step-00000020/model.safetensors", "tensor", "checksum"});
  EXPECT_EQ(metrics("run").size(), 20u) << "what was measured is kept";
  // Where the run is named, the one before is used, and that is said.
  const Ended before = run(trireme({"generate", "run/step-00000010", "--tokens", "5"}));
  expect_success(before);
  const Ended newest_whole = run(trireme({"generate", "run", "--tokens", "5"}));
  expect_success(newest_whole);
  EXPECT_EQ(newest_whole.out, before.out);
  EXPECT_EQ(count(newest_whole.err, "passed over: "), 1) << newest_whole.err;
  EXPECT_EQ(count(newest_whole.err, "step-00000020/model.safetensors"), 1) << newest_whole.err;
}

TEST_F(BadCheckpoint, AFlippedBitIsNotResumedFrom) {
  for (const std::string file : {"model.safetensors", "optimizer.safetensors"}) {
    for (const Words& ranks : {Words{}, Words{"-n", "2"}}) {
      SCOPED_TRACE(file);
      fs::remove_all(path("run"));
      make_run();
      const auto before = losses("run");
      flip_a_bit(newest() + "/" + file, 100);
      const Ended ended = resume(ranks);
      expect_success(ended);
      EXPECT_EQ(count(ended.out, "passed over: "), 1) << ended.out;
      EXPECT_EQ(count(ended.out, "step-00000020/" + file), 1) << ended.out;
      EXPECT_EQ(count(ended.out, "resumed after step 10"), 1) << ended.out;
      EXPECT_EQ(saved_step("run"), 25);
      EXPECT_TRUE(fs::exists(newest() + ".passed-over/" + file)) << "left for a person to look at";
      const auto after = losses("run");
      ASSERT_EQ(after.size(), 25u);
      EXPECT_TRUE(std::equal(before.begin(), before.begin() + 10, after.begin()));
    }
  }
}

// The damaged one is not counted among those to keep: the run is never left with it alone.
TEST_F(BadCheckpoint, AFlippedBitDoesNotPushOutWholeOnes) {
  make_run();
  flip_a_bit(newest() + "/optimizer.safetensors", 100);
  expect_success(resume({"--set", "steps=15", "--set", "checkpoint.keep=1"}));
  EXPECT_EQ(saved_step("run"), 15);
  EXPECT_FALSE(state("run").empty());  // verifies every byte
  expect_success(resume());
  EXPECT_EQ(metrics("run").size(), 25u);
}

TEST_F(BadCheckpoint, ADamagedManifestOrAShortFileIsPassedOver) {
  for (const std::string damage : {"flipped manifest", "cut manifest", "cut tensors", "no tensors", "no manifest"}) {
    SCOPED_TRACE(damage);
    fs::remove_all(path("run"));
    make_run();
    if (damage == "flipped manifest") flip_a_bit(newest() + "/manifest.json", 200);
    if (damage == "cut manifest") cut(newest() + "/manifest.json", 50);
    if (damage == "cut tensors") cut(newest() + "/model.safetensors", 1);
    if (damage == "no tensors") fs::remove(newest() + "/optimizer.safetensors");
    if (damage == "no manifest") fs::remove(newest() + "/manifest.json");
    const Ended ended = resume();
    expect_success(ended);
    EXPECT_EQ(count(ended.out, "passed over: "), 1) << ended.out;
    EXPECT_EQ(count(ended.out, "resumed after step 10"), 1) << ended.out;
    EXPECT_EQ(saved_step("run"), 25);
    EXPECT_EQ(metrics("run").size(), 25u);
  }
}

TEST_F(BadCheckpoint, NothingButDamageIsNotTakenForAFreshStart) {
  make_run();
  flip_a_bit(newest() + "/model.safetensors", 100);
  flip_a_bit(path("run/step-00000010/model.safetensors"), 100);
  for (const Words& ranks : {Words{}, Words{"-n", "2"}})
    expect_complaint(resume(ranks), {"no checkpoint that is whole", "step-00000020", "step-00000010"},
                     {.most_lines = 5});
  expect_complaint(run(trireme({"evaluate", "run"})), {"step-00000020", "step-00000010"}, {.most_lines = 5});
  for (const std::string step : {"10", "20"}) cut(path("run/step-000000" + step + "/model.safetensors"), 8);
  expect_complaint(resume(), {"step-00000020", "step-00000010"}, {.most_lines = 5});
  expect_complaint(run(trireme({"evaluate", "run"})), {"step-00000020"}, {.most_lines = 5});
  expect_complaint(run(train(gpt_job, "run")), {"damaged", "step-00000020"});
  EXPECT_TRUE(fs::exists(newest()));
  EXPECT_EQ(metrics("run").size(), 20u);
}

TEST_F(BadCheckpoint, OfAnotherModelOrOptimizer) {
  make_run();
  const auto before = state("run");
  expect_complaint(resume({"--set", "model.gpt.width=64"}), {"step-00000020", "tensor", "32", "64"});
  expect_complaint(resume({"--set", "model.gpt.layers=3"}), {"step-00000020", "tensor"});
  expect_complaint(resume({"--set", "model.gpt.layers=1"}), {"step-00000020", "tensor"});
  expect_complaint(resume({"--set", "optimizer={sgd{}}"}), {"optimizer", "adamw", "sgd"});
  expect_complaint(resume({"-n", "2", "--set", "optimizer={adam{}}"}), {"optimizer", "adamw", "adam"});
  EXPECT_EQ(state("run"), before);
  EXPECT_EQ(metrics("run").size(), 20u);
  EXPECT_NE(read_file(path("run/job.textproto")).find("width: 32"), std::string::npos)
      << "the run's job is not replaced";
  expect_success(resume());
}

TEST_F(BadCheckpoint, AFullDiskKeepsTheOneBefore) {
  for (const Words& ranks : {Words{}, Words{"-n", "2"}, Words{"-n", "2", "--ranks-as-threads"}}) {
    SCOPED_TRACE(testing::PrintToString(ranks));
    fs::remove_all(path("run"));
    Words words = large_model;
    words.insert(words.end(), {"--set", "steps=1000000", "--set", "checkpoint.every_steps=20"});
    words.insert(words.end(), ranks.begin(), ranks.end());
    Running running(train(gpt_job, "run", words));
    ASSERT_TRUE(running.says("saved run/step-"));
    // Less than the tensors have, more than the metrics of minutes.
    for (const pid_t process : running.processes()) limit_files(process, 2 << 20);
    expect_complaint(running.wait(), {"run/step-", "File too large; raise the limit on file sizes"});
    EXPECT_TRUE(running.is_gone(1.0));
    const std::int64_t step = saved_step("run");
    EXPECT_GE(step, 20);
    EXPECT_FALSE(state("run").empty());  // verifies every byte
    for (const fs::directory_entry& entry : fs::directory_iterator(path("run")))
      EXPECT_EQ(entry.path().filename().string().find("tmp"), std::string::npos) << entry.path();
    words = large_model;
    words.insert(words.end(), {"--resume", "--set", "steps=" + std::to_string(step + 1)});
    expect_success(run(train(gpt_job, "run", words)));
    EXPECT_EQ(saved_step("run"), step + 1);
  }
}

TEST_F(BadCheckpoint, AFullDiskUnderTheMetricsEndsTheRun) {
  for (const Words& ranks : {Words{}, Words{"-n", "2"}}) {
    fs::remove_all(path("run"));
    Words words{"--set", "steps=1000000", "--set", "log.tensorboard=false", "--set", "checkpoint.every_steps=100"};
    words.insert(words.end(), ranks.begin(), ranks.end());
    Running running(train(mlp_job, "run", words));
    ASSERT_TRUE(running.says("saved run/step-"));
    for (const pid_t process : running.processes()) limit_files(process, 200000);  // more than the tensors have
    expect_complaint(running.wait(), {"[metrics] run/metrics.jsonl", "File too large; raise the limit on file sizes"});
    EXPECT_GE(saved_step("run"), 100);
    EXPECT_FALSE(state("run").empty());
  }
}

TEST_F(BadCheckpoint, ASampleThatCannotBeWrittenIsTold) {
  fs::create_directory(path("run"));
  fs::create_symlink("/dev/full", path("run/sample.txt"));
  expect_complaint(run(train(gpt_job, "run", {"--set", "sample.tokens=5"})),
                   {"[sample] run/sample.txt", "No space left on device; free some space"});
  EXPECT_EQ(saved_step("run"), 20);
}

TEST_F(BadCheckpoint, AFullDiskAtTheStartIsToldAtOnce) {
  Command command = train(gpt_job, "run");
  command.largest_file = 100;  // not even the resolved job
  expect_complaint(run(command), {"run"});
  EXPECT_EQ(saved_step("run"), 0);
}

}  // namespace
}  // namespace trireme::test
