// The same job computes the same losses, however many ranks share it and whoever starts them.
#include <filesystem>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

constexpr double tolerance = 2e-5;

class SplitValidation : public ProgramTest {};

class Splits : public ProgramTest, public testing::WithParamInterface<const char*> {
 protected:
  void expect_the_losses_of_one_rank(const Command& command, const std::string& name) {
    SCOPED_TRACE(name);
    expect_success(run(command));
    expect_near(losses(name), losses("one"), tolerance);
  }
};

TEST_P(Splits, EveryWayToStartRanksGivesTheLossesOfOneRank) {
  expect_success(run(train(GetParam(), "one")));
  ASSERT_EQ(losses("one").size(), 20u);
  for (const std::string ranks : {"2", "4"}) {
    expect_the_losses_of_one_rank(train(GetParam(), "mpi " + ranks, {"-n", ranks}), "mpi " + ranks);
    expect_the_losses_of_one_rank(train(GetParam(), "threads " + ranks, {"-n", ranks, "--ranks-as-threads"}),
                                  "threads " + ranks);
    EXPECT_EQ(losses("mpi " + ranks), losses("threads " + ranks));
  }
  expect_the_losses_of_one_rank(train(GetParam(), "micro", {"--set", "batch.micro=2"}), "micro");
}

TEST_P(Splits, RanksOfAnMpirunByHandAreRanks) {
  expect_success(run(train(GetParam(), "one")));
  Command command = train(GetParam(), "by hand");
  command.words.insert(command.words.begin(), {MPIRUN_PROGRAM, "-np", "2"});
  command.environment = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                         {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                         {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                         {"OMPI_MCA_mpi_yield_when_idle", "1"}};
  const Ended ended = run(command);
  expect_success(ended);
  expect_near(losses("by hand"), losses("one"), tolerance);
  EXPECT_EQ(count(ended.out, "step 20/20  loss"), 1) << ended.out;
  EXPECT_NE(ended.out.find("\n0-1 "), std::string::npos) << ended.out;
}

// The validation text makes one sample: all ranks but one have nothing to measure.
TEST_F(SplitValidation, OfFewerSamplesThanRanks) {
  const Words few{"--set", "data.text.validation_fraction=0.004"};  // 24 of 6000 bytes
  expect_success(run(train(gpt_job, "one", few)));
  const auto validation = [&](const std::string& name) {
    std::vector<double> values;
    for (const nlohmann::json& line : other_metrics(name)) values.push_back(line.at("validation_loss").get<double>());
    return values;
  };
  ASSERT_EQ(validation("one").size(), 2u);
  for (const Words& ranks : {Words{"-n", "4"}, Words{"-n", "4", "--ranks-as-threads"}}) {
    Words words = few;
    words.insert(words.end(), ranks.begin(), ranks.end());
    std::filesystem::remove_all(path("four"));
    expect_success(run(train(gpt_job, "four", words)));
    expect_near(validation("four"), validation("one"), tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Splits, testing::Values(gpt_job, mlp_job),
                         [](const auto& each) { return each.index == 0 ? "gpt" : "mlp"; });

}  // namespace
}  // namespace trireme::test
