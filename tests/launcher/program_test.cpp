// The trireme program from outside: what it answers to wrong use, and how fast it is there.
#include <gtest/gtest.h>

#include "tests/launcher/child.h"

namespace trireme::launcher {
namespace {

Ended trireme(std::vector<std::string> words, const std::vector<std::pair<std::string, std::string>>& variables = {}) {
  words.insert(words.begin(), TRIREME_PROGRAM);
  return Child(words, variables).wait();
}

class Program : public testing::Test {
 protected:
  std::string job(const std::string& more = "") const {
    return folder_.write("job.textproto", "steps: 2\nrun_dir: \"" + folder_ / "run" +
                                              "\"\nmodel { mlp { inputs: 4 hidden: 4 } }\ndata { synthetic { } }\n" +
                                              more);
  }
  test::ScratchFolder folder_;
};

TEST_F(Program, SaysItsVersionAtOnce) {
  double fastest = 1e9;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const Ended ended = trireme({"--version"});
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(ended.out.find("trireme "), 0u);
    fastest = std::min(fastest, ended.seconds);
  }
  EXPECT_LT(fastest, START_UP_LIMIT);
}

TEST_F(Program, UsageErrorsAreOneLineAndCodeTwo) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"sail"},
                                                {"train", "--stepz"},
                                                {"generate"},
                                                {"bench"},
                                                {"bench", "step"},
                                                {"train", "x", "-n", "two"}}) {
    const Ended ended = trireme(words);
    EXPECT_EQ(ended.code, 2) << words[0];
    EXPECT_EQ(ended.err.find("trireme: "), 0u) << ended.err;
    EXPECT_EQ(ended.err.find('\n'), ended.err.size() - 1) << ended.err;
  }
  EXPECT_EQ(trireme({}).code, 2);
}

struct WrongUse {
  std::vector<std::string> words;  // behind `train JOB`
  const char* message;
};

class WrongUses : public Program, public testing::WithParamInterface<WrongUse> {};

TEST_P(WrongUses, AreRefusedWithOneMessage) {
  std::vector<std::string> words{"train", job()};
  words.insert(words.end(), GetParam().words.begin(), GetParam().words.end());
  const Ended ended = trireme(words);
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.err.find(std::string("trireme: ") + GetParam().message), 0u) << ended.err;
  EXPECT_EQ(ended.err.find("trireme: ", 1), std::string::npos) << "said twice: " << ended.err;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run")) << "nothing is to be left behind";
}

INSTANTIATE_TEST_SUITE_P(
    Ranks, WrongUses,
    testing::Values(
        WrongUse{{"-n", "0"}, "[-n] expected 1 to 65535 ranks, found 0\n"},
        WrongUse{{"-n", "-2"}, "[-n] expected 1 to 65535 ranks, found -2\n"},
        WrongUse{{"-n", "60000", "--set", "batch.global=60000"}, "[-n] expected at most 32 ranks for each of the "},
        WrongUse{{"--max-restarts", "-1"}, "[--max-restarts] expected 0 or more, found -1\n"},
        WrongUse{{"--hosts", "a:0"}, "[--hosts] expected a number of ranks of at least 1"},
        WrongUse{{"--hosts", "a:2", "-n", "3"}, "[-n] expected at most the 2 ranks"},
        WrongUse{{"--hosts", "a:2", "--ranks-as-threads"}, "[--ranks-as-threads] excludes --hosts"},
        WrongUse{{"--hostfile", "/nowhere/hosts"}, "[--hostfile] /nowhere/hosts: cannot be opened"},
        WrongUse{{"--set", "stepz=3"}, "--set: a job has no field \"stepz\"; did you mean \"steps\"?\n"},
        WrongUse{{"-n", "3", "--set", "parallel.data=4"},
                 "--set: parallel.data: expected the number of ranks that are started, which is 3, or 0 for any; "
                 "found 4\n"}));

TEST_F(Program, WithoutMpirunItSaysWhatToInstall) {
  const Ended ended = trireme({"train", job(), "-n", "2"}, {{"PATH", folder_.path()}});
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.err.find("trireme: [-n] expected mpirun, found none in PATH; install Open MPI"), 0u) << ended.err;
}

TEST_F(Program, ARankWhoseNumberDisagreesIsRefused) {
  const Ended ended = trireme({"train", job(), "-n", "3"}, {{"OMPI_COMM_WORLD_RANK", "0"},
                                                            {"OMPI_COMM_WORLD_SIZE", "2"},
                                                            {"OMPI_COMM_WORLD_LOCAL_RANK", "0"},
                                                            {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.err.find("rank 0: [-n] expected 2 ranks, the number that mpirun has started, found 3"), 0u)
      << ended.err;
}

TEST_F(Program, ForeignMpirunShowsAMistakeOnce) {
  const Ended ended = Child({"mpirun", "--oversubscribe", "-n", "2", TRIREME_PROGRAM, "train", job("stepz: 4\n")},
                            {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}})
                          .wait();
  EXPECT_NE(ended.code, 0);
  const std::size_t first = ended.err.find("a job has no field \"stepz\"");
  ASSERT_NE(first, std::string::npos) << ended.err;
  EXPECT_EQ(ended.err.find("a job has no field", first + 1), std::string::npos) << ended.err;
}

TEST_F(Program, HelpListsTheJob) {
  const Ended ended = trireme({"train", "--help-job"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_NE(ended.out.find("model.gpt.heads: 6"), std::string::npos);
}

TEST_F(Program, DoctorStartsTwoRanks) {
  const Ended ended = trireme({"doctor", "--json"});
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_NE(ended.out.find("two ranks started, met and left"), std::string::npos) << ended.out;
  const Ended bare = trireme({"doctor"}, {{"PATH", folder_.path()}});
  EXPECT_EQ(bare.code, 1);
  EXPECT_NE(bare.out.find("-> apt-get install openmpi-bin"), std::string::npos) << bare.out;
}

TEST_F(Program, DoctorComparesTheRanksItIsAskedToStart) {
  const Ended ended = trireme({"doctor", "-n", "2"});
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_NE(ended.out.find("all 2 ranks have the same GPUs and libraries"), std::string::npos) << ended.out;
}

TEST_F(Program, MeasuresCollectives) {
  for (const std::string transport : {"threads", "mpi"}) {
    const Ended ended = trireme({"bench", "collectives", "-n", "2", "--transport", transport, "--bytes", "1048576",
                                 "--samples", "1", "--json"});
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.out.find("{\"bench\":\"collectives\","), 0u) << ended.out;
    EXPECT_NE(ended.out.find("\"operation\":\"all_reduce\""), std::string::npos);
    EXPECT_EQ(ended.out.find("speed_over_mpi") != std::string::npos, transport == "mpi");
    EXPECT_EQ(ended.out.find('\n'), ended.out.size() - 1) << "one line";
  }
}

}  // namespace
}  // namespace trireme::launcher
