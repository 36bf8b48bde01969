// What people and their scripts do without meaning to: the run and their files survive it.
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "runtime/base/host.h"
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

TEST_F(OddUse, AnOutputThatIsFull) {
  expect_success(run(train(gpt_job, "run")));
  for (const Words& words : {Words{"generate", "run", "--tokens", "3"}, Words{"evaluate", "run", "--json"},
                             Words{"plan", "job.textproto"}, Words{"train", "--help-job"}, Words{"version"},
                             Words{"--help"}, Words{"bench", "step", "mlp", "--steps", "1"}}) {
    SCOPED_TRACE(words[0]);
    expect_complaint(run(in_shell(trireme(words), "exec \"$0\" \"$@\" > /dev/full")), {"[output]"});
  }
  for (const std::string ranks : {"1", "2"}) {
    const Command command = train(mlp_job, "run" + ranks, {"-n", ranks});
    expect_complaint(run(in_shell(command, "exec \"$0\" \"$@\" > /dev/full")), {"could be written"});
    EXPECT_EQ(saved_step("run" + ranks), 20) << "the run itself is whole";
  }
}

TEST_F(OddUse, FewFilesMayBeOpen) {
  const Ended ended = run(in_shell(train(mlp_job, "run", {"-n", "2"}), "ulimit -n 40; exec \"$0\" \"$@\""));
  expect_complaint(ended, {"[-n]", "open files", "found 40", "ulimit -n"});
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

// One process starts the ranks, and they all carry out the same command line.
class UnderMpirun : public OddUse {
 protected:
  static Command under_mpirun(Command command) {
    command.words.insert(command.words.begin(), {MPIRUN_PROGRAM, "-np", "3"});
    command.environment = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                           {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                           {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                           {"OMPI_MCA_mpi_yield_when_idle", "1"}};
    return command;
  }
};

TEST_F(UnderMpirun, CommandsOfOneProcessAreCarriedOutOnce) {
  expect_success(run(train(gpt_job, "run")));
  for (const Words& words :
       {Words{"generate", "run", "--tokens", "20"}, Words{"evaluate", "run"}, Words{"plan", "job.textproto", "-n", "2"},
        Words{"models"}, Words{"export", "run", "weights.safetensors"}}) {
    SCOPED_TRACE(words[0]);
    const Ended one = run(trireme(words)), three = run(under_mpirun(trireme(words)));
    expect_success(three);
    EXPECT_EQ(three.out, one.out);
  }
  const Ended dry = run(under_mpirun(train(gpt_job, "dry", {"--dry-run", "--set", "batch.global=9"})));
  expect_success(dry);
  EXPECT_EQ(count(dry.out, "dry run on "), 1) << dry.out;
  EXPECT_EQ(count(dry.out, "dry run on 3 ranks"), 1) << dry.out;
}

// As on hosts that share no file system.
TEST_F(UnderMpirun, RanksMustFindOneRunFolder) {
  folder_.write("job.textproto", mlp_job);
  const Command one = trireme({"train", path("job.textproto"), "--set", "run_dir=run"});
  Command apart = under_mpirun(one);
  apart.words = {MPIRUN_PROGRAM};
  for (const std::string folder : {"a", "b"}) {
    fs::create_directory(path(folder));
    if (folder == "b") apart.words.push_back(":");
    apart.words.insert(apart.words.end(), {"-np", "1", "-wdir", path(folder)});
    apart.words.insert(apart.words.end(), one.words.begin(), one.words.end());
  }
  const Ended ended = run(apart);
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(count(ended.err, "rank 0: [run_dir] rank 1 on host " + host_name()), 1) << ended.err;
  EXPECT_EQ(count(ended.err, "b/run is not the folder that rank 0 writes to"), 1) << ended.err;
}

TEST_F(UnderMpirun, TheDoctorLooksAtTheRanksThereAre) {
  const Ended ended = run(under_mpirun(trireme({"doctor", "--json"})));
  expect_success(ended);
  ASSERT_EQ(lines_of(ended.out).size(), 1u) << ended.out;
  const nlohmann::json report = nlohmann::json::parse(ended.out);
  EXPECT_EQ(report["meeting"]["ranks"].size(), 3u);
  EXPECT_EQ(report["healthy"], true);
}

TEST_F(OddUse, TheDoctorsReportOfRanksIsOneObject) {
  const Ended ended = run(trireme({"doctor", "--json", "-n", "2"}));
  expect_success(ended);
  const nlohmann::json report = nlohmann::json::parse(ended.out);
  ASSERT_EQ(report["meeting"]["ranks"].size(), 2u);
  EXPECT_EQ(report["meeting"]["ranks"][1]["rank"], 1);
  EXPECT_EQ(report["meeting"]["findings"][0]["state"], "ok");
  EXPECT_EQ(count(ended.out, "--set"), 0) << "a doctor has no job";
}

// What is counted of a few micro-batches holds for many.
TEST_F(OddUse, PlansOfManyMicroBatches) {
  const auto sent = [&](std::int64_t micros) {
    const Ended ended = run(train(mlp_job, "run",
                                  {"--dry-run", "--json", "-n", "2", "--set", "parallel.zero=3", "--set",
                                   "batch.micro=1", "--set", "batch.global=" + std::to_string(2 * micros)}));
    const nlohmann::json report = nlohmann::json::parse(ended.out);
    EXPECT_EQ(report["micro_batches"], micros);
    return std::vector<double>{report["bytes_sent_per_step_per_rank"], report["collectives_per_step"],
                               report["flops_per_step_per_rank"]};
  };
  const auto two = sent(2), three = sent(3), four = sent(4), many = sent(1000);
  for (std::size_t i = 0; i < two.size(); ++i) {
    EXPECT_GT(three[i], two[i]);
    EXPECT_EQ(four[i] - three[i], three[i] - two[i]) << "measured";
    EXPECT_EQ(many[i], four[i] + 996 * (four[i] - three[i]));
  }
}

TEST_F(OddUse, AJobWhoseNameLooksLikeAnOption) {
  folder_.write("-j.textproto", mlp_job);
  expect_success(run(trireme({"train", "-n", "2", "--set", "run_dir=run", "--", "-j.textproto"})));
}

}  // namespace
}  // namespace trireme::test
