// What people and their scripts do without meaning to: the run and their files survive it.
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

namespace fs = std::filesystem;

class OddUse : public ProgramTest {
 protected:
  // The command as a line of a shell, with `$0 "$@"` for it.
  static Command in_shell(Command command, const std::string& line) {
    command.words.insert(command.words.begin(), {"/bin/sh", "-c", line});
    return command;
  }
};

TEST_F(OddUse, WithoutAStandardOutput) {
  expect_success(run(in_shell(train(mlp_job, "run"), "exec \"$0\" \"$@\" >&- 2>&-")));
  EXPECT_EQ(metrics("run").size(), 20u) << "and nothing else in it";
  EXPECT_EQ(saved_step("run"), 20);
}

TEST_F(OddUse, AReaderThatLeavesDoesNotEndTheRun) {
  for (const std::string ranks : {"1", "2"}) {
    fs::remove_all(path("run"));
    const Command command = train(mlp_job, "run", {"-n", ranks, "--set", "log.every_steps=1"});
    expect_success(run(in_shell(command, "\"$0\" \"$@\" | head -n 1")));
    EXPECT_EQ(saved_step("run"), 20);
  }
}

TEST_F(OddUse, TwoRunsInOneFolder) {
  Running first(train(mlp_job, "run", {"--set", "steps=100000000", "--set", "checkpoint.every_steps=10"}));
  ASSERT_TRUE(first.says("saved run/step-"));
  for (const Words& words : {Words{"--resume"}, Words{"--resume", "-n", "2"}})
    expect_complaint(run(train(mlp_job, "run", words)), {"run is in use by process " + std::to_string(first.id())});
  first.signal(SIGKILL);
  first.wait();
  expect_success(run(train(mlp_job, "run", {"--resume", "--set", "steps=" + std::to_string(saved_step("run") + 1)})));
}

TEST_F(OddUse, TheJobItselfIsNotWrittenOver) {
  folder_.write("job.textproto", std::string("# mine\n") + mlp_job);
  const Words words{"train", "job.textproto", "--set", "run_dir=."};
  expect_complaint(run(trireme(words)), {"[run_dir]", "over the job itself"});
  EXPECT_EQ(read_file(path("job.textproto")), std::string("# mine\n") + mlp_job);
  // The resolved job of a run is one to start from.
  expect_success(run(train(mlp_job, "run")));
  expect_success(run(trireme({"train", "run/job.textproto", "--resume"})));
}

TEST_F(OddUse, MetricsOfARunThatSavedNothingAreKept) {
  const Words unsaved{"--set", "checkpoint.on_exit=false"};
  expect_success(run(train(mlp_job, "run", unsaved)));
  const auto before = read_file(path("run/metrics.jsonl"));
  const Ended again = run(train(mlp_job, "run", {"--resume", "--set", "steps=5"}));
  expect_success(again);
  EXPECT_EQ(count(again.out, "nothing to resume from in run: the run begins anew"), 1) << again.out;
  EXPECT_EQ(count(again.out, "run/metrics.jsonl.before"), 1) << again.out;
  EXPECT_EQ(read_file(path("run/metrics.jsonl.before")), before);
  EXPECT_EQ(metrics("run").size(), 5u);
}

TEST_F(OddUse, ARunIsNoneOfItsData) {
  const Words here{"--set", "data.text.paths=.", "--set", "data.text.extensions=[]"};
  expect_success(run(train(gpt_job, "run", here)));
  Words resume = here;
  resume.insert(resume.end(), {"--resume", "--set", "steps=22"});
  expect_success(run(train(gpt_job, "run", resume)));
}

TEST_F(OddUse, ACheckpointMayLieElsewhere) {
  expect_success(run(train(mlp_job, "run")));
  fs::rename(path("run/step-00000020"), path("elsewhere"));
  fs::create_directory_symlink(path("elsewhere"), path("run/step-00000020"));
  expect_success(run(trireme({"evaluate", "run"})));
  expect_success(run(train(mlp_job, "run", {"--resume", "--set", "steps=21"})));
  EXPECT_EQ(saved_step("run"), 21);
}

TEST_F(OddUse, AFifoHoldsNobodyUp) {
  for (const std::string name : {"metrics.jsonl", "job.textproto", "loss.svg.new"}) {
    SCOPED_TRACE(name);
    fs::remove_all(path("run"));
    fs::create_directory(path("run"));
    ASSERT_EQ(mkfifo(path("run/" + name).c_str(), 0600), 0);
    expect_complaint(run(train(mlp_job, "run")), {"run/" + name});
  }
}

TEST_F(OddUse, ValuesThatAreNone) {
  for (const Words& words : {Words{"--resume="}, Words{"--hosts", ""}, Words{"--hostfile", ""}, Words{"--trace", ""}})
    expect_complaint(run(train(mlp_job, "run", words)), {words[0].substr(0, 6), "expected a value"}, {.code = 2});
  expect_complaint(run(train(mlp_job, "run", {"-n", "010"})), {"without leading zeros"}, {.code = 2});
  expect_complaint(run(train(mlp_job, "run", {"--trace", "steps=21:30"})), {"--trace", "20"});
  expect_complaint(run(trireme({"trian", "job.textproto"})), {"no command trian", "did you mean train?"}, {.code = 2});
  expect_complaint(run(train(gpt_job, "run", {"--set", "sample.prompt='\\377'"})), {"sample.prompt", "UTF-8"});
  EXPECT_FALSE(fs::exists(path("run")));
}

TEST_F(OddUse, AJobWhoseNameLooksLikeAnOption) {
  folder_.write("-j.textproto", mlp_job);
  expect_success(run(trireme({"train", "-n", "2", "--set", "run_dir=run", "--", "-j.textproto"})));
}

}  // namespace
}  // namespace trireme::test
