// Command lines, hosts and folders that cannot work.
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

namespace fs = std::filesystem;

class BadUse : public ProgramTest {
 protected:
  // A stand-in for ssh, first in PATH.
  Command with_ssh(Command command, const std::string& script) const {
    folder_.write("bin/ssh", "#!/bin/sh\n" + script + "\n");
    fs::permissions(path("bin/ssh"), fs::perms::owner_all);
    const char* before = std::getenv("PATH");
    command.environment["PATH"] = path("bin") + ':' + (before ? before : "/usr/bin:/bin");
    command.environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
    return command;
  }
};

TEST_F(BadUse, OfTheCommandLine) {
  const std::vector<Words> uses{{"sail"},
                                {"trian", "job.textproto"},
                                {"train", "job.textproto", "--stepz", "3"},
                                {"train", "job.textproto", "more"},
                                {"train", "job.textproto", "-n", "two"},
                                {"train", "job.textproto", "-n", "99999999999"},
                                {"train", "job.textproto", "--set"},
                                {"generate"},
                                {"evaluate"},
                                {"bench"},
                                {"bench", "steps"},
                                {"bench", "step", "mlp", "--batch", "some"}};
  folder_.write("job.textproto", mlp_job);
  for (const Words& use : uses) {
    SCOPED_TRACE(use.back());
    expect_complaint(run(trireme(use)), {"trireme: ", "--help"}, {.code = 2});
  }
  expect_complaint(run(trireme({"train"})), {"expected a job file"});
}

TEST_F(BadUse, OfRanks) {
  for (const std::string ranks : {"0", "-1", "100000"})
    expect_complaint(run(train(mlp_job, "run", {"-n", ranks})), {"[-n]", "found " + ranks});
  expect_complaint(run(train(mlp_job, "run", {"-n", "3", "--set", "parallel.data=4"})),
                   {"parallel.data", "which is 3", "found 4"});
  expect_complaint(run(train(mlp_job, "run", {"-n", "3", "--ranks-as-threads", "--set", "parallel.data=4"})),
                   {"parallel.data"});
  expect_complaint(run(trireme({"bench", "step", "mlp", "-n", "0"})), {"[-n]", "found 0"});
  expect_complaint(run(trireme({"bench", "collectives", "-n", "1"})), {"[-n]", "found 1"});
  EXPECT_FALSE(fs::exists(path("run")));
}

TEST_F(BadUse, OfABatchThatTheRanksCannotShare) {
  for (const Words& ranks : {Words{"-n", "3"}, Words{"-n", "3", "--ranks-as-threads"}})
    expect_complaint(run(train(mlp_job, "run", ranks)), {"16 samples are not a multiple of 3 ranks"});
  expect_complaint(run(train(mlp_job, "run", {"-n", "2", "--set", "batch.micro=16"})),
                   {"[parallel.data]", "divides the 1 micro-batches of a step; found 2"});
  EXPECT_FALSE(fs::exists(path("run")));
}

TEST_F(BadUse, OfHosts) {
  Command command = train(mlp_job, "run", {"--hosts", "nowhere:2"});
  command.deadline = 20.0;
  const Ended unknown = run(
      with_ssh(command, "echo \"ssh: Could not resolve hostname nowhere: Name or service not known\" >&2; exit 255"));
  expect_complaint(unknown, {"could not start", "Could not resolve hostname nowhere"}, {.code = unknown.code});
  EXPECT_NE(unknown.code, 0);
  const Ended refused = run(
      with_ssh(command, "sleep 1; echo \"ssh: connect to host nowhere port 22: Connection timed out\" >&2; exit 255"));
  expect_complaint(refused, {"could not start", "Connection timed out"}, {.code = refused.code});
  EXPECT_NE(refused.code, 0);
}

TEST_F(BadUse, OfAHostThatNeverAnswers) {
  Command command = train(mlp_job, "run", {"--hosts", "silent:2", "--set", "watchdog_seconds=2"});
  Running running(with_ssh(command, "exec sleep 1000"));
  const Ended ended = running.wait();
  EXPECT_NE(ended.code, 0);
  EXPECT_LT(ended.seconds, (2.0 + 5.0) * patience);
  expect_complaint(ended, {"no rank has begun within 2 s on silent:2"}, {.code = ended.code});
  EXPECT_TRUE(running.is_gone(2.0));
}

TEST_F(BadUse, OfTheRunsFolder) {
  folder_.write("file", "a file");
  for (const std::string folder : {"file", "file/below", "/proc/nowhere/run"}) {
    for (const Words& ranks : {Words{}, Words{"-n", "2"}, Words{"-n", "2", "--ranks-as-threads"}}) {
      SCOPED_TRACE(folder);
      expect_complaint(run(train(mlp_job, folder, ranks)), {"[run_dir]", "--set run_dir="});
    }
  }
  fs::create_directory(path("closed"));
  fs::permissions(path("closed"), fs::perms::owner_read | fs::perms::owner_exec);
  Command command = train(mlp_job, "closed/run");
  command.heeds_permissions = true;
  expect_complaint(run(command), {"[run_dir]", "Permission denied"});
  fs::permissions(path("closed"), fs::perms::owner_all);
}

TEST_F(BadUse, OfWhatLiesInTheRunsFolder) {
  fs::create_symlink("nowhere", path("dangling"));
  expect_complaint(run(train(mlp_job, "dangling")), {"[run_dir]", "is a symbolic link to nowhere, where nothing is"});
  for (const std::string name : {"loss.svg", "sample.txt", "metrics.jsonl"}) {
    fs::create_directories(path("run/" + name));
    expect_complaint(run(train(mlp_job, "run")), {"run/" + name + ": expected a file to write, found a folder"});
    fs::remove_all(path("run"));
  }
}

TEST_F(BadUse, OfAFolderThatHoldsARun) {
  expect_success(run(train(mlp_job, "run")));
  const auto before = state("run");
  expect_complaint(run(train(mlp_job, "run")), {"holds a run that reached step 20", "--resume"});
  EXPECT_EQ(state("run"), before);
}

TEST_F(BadUse, OfWhatIsNoRun) {
  fs::create_directory(path("empty"));
  folder_.write("file", "a file");
  for (const std::string command : {"generate", "evaluate"}) {
    for (const std::string run_folder : {"empty", "file", "missing"}) {
      SCOPED_TRACE(command + " " + run_folder);
      expect_complaint(run(trireme({command, run_folder})), {run_folder});
    }
  }
  const std::string endless(5000, 'a');
  expect_complaint(run(trireme({"generate", endless})), {"[run]", "File name too long"});
  expect_success(run(train(mlp_job, "run")));
  expect_complaint(run(trireme({"generate", "run"})), {"expected the run of a language model on text"});
  expect_complaint(run(trireme({"evaluate", "run", "--set", "model.mlp.activation=tanh"})),
                   {"activation: tanh", "give it the model that it was trained as"});
  fs::permissions(path("run"), fs::perms::none);
  Command closed = trireme({"evaluate", "run"});
  closed.heeds_permissions = true;
  expect_complaint(run(closed), {"[checkpoints] run: cannot be listed: Permission denied"});
  fs::permissions(path("run"), fs::perms::owner_all);
}

// Nothing is measured and no text is written by a device without data.
TEST_F(BadUse, OfADeviceThatComputesNothing) {
  expect_success(run(train(gpt_job, "run")));
  for (const Words& use : {Words{"evaluate", "run"}, Words{"generate", "run"}, Words{"bench", "step", "mlp"}}) {
    for (const std::string device : {"dry", "gpu"}) {
      Words words = use;
      words.insert(words.end(), {"--device", device});
      const Ended ended = run(trireme(words));
      expect_complaint(ended, {"[--device]", "auto, cpu, cuda or reference", "found " + device});
      EXPECT_EQ(ended.out, "");
    }
  }
}

// Within the limits of each field, and beyond what can be counted together.
TEST_F(BadUse, OfSizesThatNoMachineHas) {
  const auto refused = [&](const std::string& hidden, std::initializer_list<std::string_view> phrases) {
    expect_complaint(
        run(train(mlp_job, "run",
                  {"--dry-run", "--set", "model.mlp.inputs=2147483647", "--set", "model.mlp.hidden=" + hidden})),
        phrases);
  };
  refused("[2147483647]", {"[parameters]", "is impossibly large: (2147483647, 2147483647) of f32"});
  refused("[67108864, 2147483647]", {"[parameters]", "bytes in all, found more up to"});
}

TEST_F(BadUse, OfStepsThatNeverEnd) {
  expect_complaint(
      run(train(mlp_job, "run", {"--dry-run", "--set", "batch.global=2147483647", "--set", "batch.micro=1"})),
      {"[batch]", "at most 65536 micro-batches", "raise batch.micro"});
}

TEST_F(BadUse, OfNumbers) {
  expect_success(run(train(gpt_job, "run")));
  const std::vector<std::pair<std::string, std::string>> uses{{"evaluate", "--batches"}, {"evaluate", "--threads"},
                                                              {"generate", "--tokens"},  {"generate", "--top-k"},
                                                              {"generate", "--threads"}, {"generate", "--temperature"}};
  for (const auto& [command, option] : uses)
    expect_complaint(run(trireme({command, "run", option, "-3"})), {"[" + option + "]", "found -3"});
  for (const std::string command : {"evaluate", "generate"})
    expect_complaint(run(trireme({command, "run", "--threads", "100000"})), {"[--threads]", "4096", "found 100000"});
  expect_complaint(run(trireme({"bench", "step", "mlp", "--threads", "100000"})), {"[--threads]", "found 100000"});
  for (const std::string seed : {"-1", "99999999999999999999", "1.5"})
    expect_complaint(run(trireme({"generate", "run", "--seed", seed})), {"--seed", "found " + seed}, {.code = 2});
  // Far more batches than there are samples are all of them.
  const Ended all = run(trireme({"evaluate", "run"}));
  const Ended most = run(trireme({"evaluate", "run", "--batches", "9223372036854775807"}));
  expect_success(most);
  EXPECT_EQ(most.out, all.out);
}

TEST_F(BadUse, OfFlagsThatWouldDoNothing) {
  expect_complaint(run(train(mlp_job, "run", {"--json"})), {"[--json]", "--dry-run"});
  expect_complaint(run(train(mlp_job, "run", {"-n", "1", "--mpirun-flag=-v"})), {"[--mpirun-flag]"});
  expect_complaint(run(train(mlp_job, "run", {"-n", "2", "--ranks-as-threads", "--mpirun-flag=-v"})),
                   {"--mpirun-flag"});
  expect_complaint(run(trireme({"plan", "job.textproto", "--json", "--timeline"})), {"[--timeline]"});
  expect_success(run(train(mlp_job, "run", {"--set", "steps=5"})));
  const Ended done = run(train(mlp_job, "run", {"--resume", "--set", "steps=2"}));
  expect_success(done);
  EXPECT_EQ(count(done.out, "nothing to do: the run has made 5 of 2 steps"), 1) << done.out;
}

TEST_F(BadUse, OfARateThatIsFarTooHigh) {
  const Ended ended = run(train(
      mlp_job, "run",
      {"--set", "optimizer={sgd{}}", "--set", "schedule.lr=1000", "--set", "steps=30", "--set", "log.every_steps=1"}));
  // Whatever becomes of it, each skipped step is told, in the lines and in the metrics, and weights stay finite.
  EXPECT_TRUE(ended.in_time);
  int skipped = 0;
  for (const nlohmann::json& step : metrics("run")) skipped += step["skipped"].get<bool>() ? 1 : 0;
  EXPECT_GT(skipped, 0);
  EXPECT_EQ(count(ended.out, "  skipped"), skipped) << ended.out;
  EXPECT_EQ(losses("run").size(), 30u);
  for (const auto& [name, values] : state("run"))
    for (const float value : values) ASSERT_TRUE(std::isfinite(value)) << name;
}

TEST_F(BadUse, OfARateThatNeverRecovers) {
  const Words hopeless{"--set", "optimizer={sgd{}}", "--set", "schedule.lr=1000", "--set", "steps=100000"};
  for (const Words& ranks : {Words{}, Words{"-n", "2"}}) {
    Words words = hopeless;
    words.insert(words.end(), ranks.begin(), ranks.end());
    fs::remove_all(path("run"));
    expect_complaint(run(train(mlp_job, "run", words)), {"not been finite for 50 steps", "schedule.lr"});
  }
}

}  // namespace
}  // namespace trireme::test
