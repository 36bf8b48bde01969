// What ranks that mpirun has started say when one of them is missing, fails or dies: the right words, an exit code that
// is not zero, and no rank is left. On one host and on pretended hosts.
#include <gtest/gtest.h>

#include <regex>

#include "tests/program/running.h"

namespace trireme::test {
namespace {

struct Failure {
  const char* how;    // as collectives_failure knows it
  const char* words;  // a regular expression for a line of the ranks
};

using Case = std::tuple<Failure, std::string>;

class MpiFailures : public testing::TestWithParam<Case> {
 protected:
  static void expect(const Failure& failure, const std::string& hosts) {
    Command command{.words = {MPIRUN_PROGRAM, "-n", "4", "--allow-run-as-root", "--oversubscribe", FAILURE_PROGRAM,
                              failure.how, hosts},
                    .folder = {},
                    .environment = {{"ASAN_OPTIONS", "detect_leaks=0"}, {"OMPI_MCA_mpi_yield_when_idle", "1"}},
                    .deadline = 40.0 * patience};
    Running running(command);
    const Ended ended = running.wait();
    EXPECT_TRUE(ended.in_time);
    EXPECT_NE(ended.code, 0);
    EXPECT_TRUE(running.is_gone(2.0 * patience)) << "ranks are left";
    const std::regex words(failure.words);
    bool found = false;
    for (const std::string& line : lines_of(ended.out + ended.err)) found = found || std::regex_search(line, words);
    EXPECT_TRUE(found) << failure.words << "\n" << ended.out << ended.err;
  }
};

TEST_P(MpiFailures, AreToldAndEndTheRun) {
  expect(std::get<0>(GetParam()), std::get<1>(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, MpiFailures,
    testing::Combine(
        testing::Values(
            Failure{
                "missing",
                "waited 2 s in call 2 .*step 2.*not arrived:.* rank 3 on host [^ ]* .(last seen in call 1|no answer)"},
            Failure{"error", "rank 0 after less than 1 s: .*rank 3 on host .* failed: .data. file has ended"},
            Failure{"disagree", "ranks disagree in call 2.*100000 f32 'step 2'.*99999 f32 'step 2'"},
            Failure{"killed", "exited on signal 9"}),
        testing::Values("", "0,0,1,1", "0,1,2,3")),
    [](const auto& each) {
      std::string name = std::get<0>(each.param).how;
      for (const char c : std::get<1>(each.param))
        if (c != ',') name += c;
      return name;
    });

// The rank that reaches the deadline first asks the one it waits for, and passes on what that one waits for.
TEST_F(MpiFailures, OfALateRankAreToldByTheFirstOne) {
  expect({"late", "not arrived: rank 2 on host [^ ]* .waiting in call 2.*not arrived: rank 3 on host"}, "0,0,1,1");
}

}  // namespace
}  // namespace trireme::test
