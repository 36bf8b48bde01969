// Fleets of real processes: how they end.
#include "launcher/fleet/fleet.h"
#include "launcher/fleet/stop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "launcher/fleet/exit_codes.h"
#include "runtime/base/error.h"
#include "runtime/base/host.h"
#include "tests/launcher/child.h"

namespace trireme::launcher {
namespace {

class Fleet : public testing::Test {
 protected:
  // run_fleet() of the rank program, in a process of its own.
  Child start(const std::vector<std::string>& order, FleetOptions options = {}) {
    if (options.ranks == 0 && options.hosts.empty()) options.ranks = 2;
    std::vector<std::string> program{RANK_PROGRAM, folder_.path()};
    program.insert(program.end(), order.begin(), order.end());
    return Child([=] {
      try {
        return run_fleet(options, program);
      } catch (const Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
      }
    });
  }

  pid_t process(int rank) const {
    pid_t id = 0;
    std::ifstream(folder_ / ("process." + std::to_string(rank))) >> id;
    return id;
  }
  bool ready() const {
    return std::filesystem::exists(folder_ / "ready.0") && std::filesystem::exists(folder_ / "ready.1");
  }
  bool gone(int rank) const { return process(rank) > 0 && kill(process(rank), 0) != 0; }
  void expect_all_gone() const {
    for (const int rank : {0, 1})
      EXPECT_TRUE(Child::eventually([&] { return gone(rank); }, 3.0)) << "rank " << rank << " lives";
  }
  static std::string parent_of(pid_t id) {
    std::ifstream file("/proc/" + std::to_string(id) + "/stat");
    std::string number, name, state, parent;
    file >> number >> name >> state >> parent;
    return parent;
  }
  // What is said beside the line about mpirun's flags.
  static std::string news(const std::string& err) {
    const std::size_t end = err.find('\n');
    EXPECT_EQ(err.find("trireme: ranks start through mpirun with "), 0u) << err;
    return err.substr(end + 1);
  }

  test::ScratchFolder folder_;
};

TEST_F(Fleet, PassesOutputOnAndSaysRepetitionsOnce) {
  const Ended ended = start({"say"}).wait();
  EXPECT_EQ(ended.code, 0);
  EXPECT_NE(ended.out.find("rank 0 speaks\n"), std::string::npos);
  EXPECT_NE(ended.out.find("rank 1 speaks\n"), std::string::npos);
  const std::string said = news(ended.err);
  EXPECT_TRUE(said == "rank 0: the same trouble\n" || said == "rank 1: the same trouble\n") << said;
}

TEST_F(Fleet, KeepsOutputForWhoAsksForIt) {
  const Ended ended = Child([this] {
                        std::string output;
                        FleetOptions options;
                        options.ranks = 2;
                        options.output = &output;
                        const int code = run_fleet(options, {RANK_PROGRAM, folder_.path(), "say"});
                        return output.find("rank 1 speaks\n") == std::string::npos ? 9 : code;
                      }).wait();
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.out, "");
}

TEST_F(Fleet, AnErrorOfAllRanksIsOneLine) {
  const Ended ended = start({"fail"}).wait();
  EXPECT_EQ(ended.code, 1);
  const std::string said = news(ended.err);
  EXPECT_TRUE(said == "rank 0: the same trouble\n" || said == "rank 1: the same trouble\n") << said;
  expect_all_gone();
}

TEST_F(Fleet, NamesARankThatIsKilled) {
  const Ended ended = start({"kill", "1", "9"}).wait();
  EXPECT_EQ(ended.code, 128 + 9);
  EXPECT_LT(ended.seconds, 10.0);
  EXPECT_EQ(news(ended.err), "trireme: rank 1 on host " + host_name() + " was killed by signal 9 (Killed)\n");
  expect_all_gone();
}

TEST_F(Fleet, NamesARankThatLeavesInSilence) {
  const Ended ended = start({"exit", "1", "3"}).wait();
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(news(ended.err), "trireme: rank 1 left with exit code 3 and said nothing\n");
  expect_all_gone();
}

TEST_F(Fleet, SaysOfARankThatLeavesAtOnceWhatIsKnown) {
  const Ended ended = start({"leave", "1", "3"}).wait();
  EXPECT_EQ(ended.code, 3);
  const std::string said = news(ended.err);
  EXPECT_TRUE(said == "trireme: rank 1 left with exit code 3 and said nothing\n" ||
              said == "trireme: a rank left with exit code 3 as it started and said nothing\n")
      << said;
  EXPECT_TRUE(gone(1));
}

TEST_F(Fleet, HandsAStopToTheRanks) {
  Child child = start({"wait"});
  ASSERT_TRUE(Child::eventually([&] { return ready(); }));
  child.tell(SIGTERM);
  const Ended ended = child.wait(8.0);
  EXPECT_EQ(ended.code, 75);
  EXPECT_EQ(news(ended.err),
            "trireme: told to stop: the ranks save after this step and leave; once more to leave at once\n");
  expect_all_gone();
}

TEST_F(Fleet, ASecondInterruptEndsDeafRanksAtOnce) {
  Child child = start({"deaf"});
  ASSERT_TRUE(Child::eventually([&] { return ready(); }));
  child.tell(SIGINT);
  ASSERT_TRUE(child.says("told to stop"));
  std::this_thread::sleep_for(2 * one_signal);
  child.tell(SIGINT);
  const Ended ended = child.wait(6.0);
  EXPECT_EQ(ended.code, 128 + SIGINT);
  EXPECT_NE(ended.err.find("trireme: leaving at once\n"), std::string::npos);
  expect_all_gone();
}

TEST_F(Fleet, ThoseThatSaveNothingLeaveAtTheFirstSignal) {
  FleetOptions options;
  options.saves = false;
  Child child = start({"deaf"}, options);
  ASSERT_TRUE(Child::eventually([&] { return ready(); }));
  child.tell(SIGTERM);
  const Ended ended = child.wait(8.0);
  EXPECT_EQ(ended.code, 128 + SIGTERM);
  EXPECT_EQ(news(ended.err), "trireme: told to stop: leaving at once\n");
  expect_all_gone();
}

TEST_F(Fleet, SaysOnceWhenAllRanksAreStopped) {
  Child child = start({"wait"});
  ASSERT_TRUE(Child::eventually([&] { return ready(); }));
  for (const int rank : {0, 1}) kill(process(rank), SIGSTOP);
  EXPECT_TRUE(child.says("all ranks have been stopped (SIGSTOP)"));
  for (const int rank : {0, 1}) kill(process(rank), SIGCONT);
  child.tell(SIGINT);
  const Ended ended = child.wait();
  EXPECT_EQ(ended.code, stopped_early);
  EXPECT_EQ(ended.err.find("SIGSTOP"), ended.err.rfind("SIGSTOP")) << ended.err;
}

TEST_F(Fleet, EndsTheRunAlsoWhenMpirunHangs) {
  Child child = start({"wait"});
  ASSERT_TRUE(Child::eventually([&] { return ready(); }));
  const pid_t mpirun = std::stoi(parent_of(process(0)));
  kill(mpirun, SIGSTOP);
  kill(process(1), SIGKILL);
  const Ended ended = child.wait(10.0);
  EXPECT_NE(ended.code, 0);
  EXPECT_NE(ended.err.find("trireme: a rank died and mpirun did not end the others; everything was killed\n"),
            std::string::npos)
      << ended.err;
  expect_all_gone();
}

TEST_F(Fleet, LeavesNoRanksBehindWhenMpirunIsKilled) {
  Child child = start({"deaf"});
  ASSERT_TRUE(Child::eventually([&] { return ready(); }));
  kill(std::stoi(parent_of(process(0))), SIGKILL);
  const Ended ended = child.wait(8.0);
  EXPECT_EQ(ended.code, 128 + 9);
  EXPECT_NE(ended.err.find("trireme: mpirun was killed by signal 9"), std::string::npos) << ended.err;
  expect_all_gone();
}

TEST_F(Fleet, LeavesNoRanksBehindWhenItIsKilledItself) {
  Child child = start({"wait"});
  ASSERT_TRUE(Child::eventually([&] { return ready(); }));
  child.tell(SIGKILL);
  EXPECT_TRUE(Child::eventually([&] { return gone(0) && gone(1); }, 8.0));
}

TEST_F(Fleet, RestartsWhenARankIsLost) {
  FleetOptions options;
  options.ranks = 2;
  options.max_restarts = 2;
  const Ended ended = start({"restart", "1", "9"}, options).wait();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.out.find("again\n"), std::string::npos);
  EXPECT_EQ(news(ended.err),
            "trireme: restart 1 of 2, because rank 1 on host " + host_name() + " was killed by signal 9 (Killed)\n");
}

TEST_F(Fleet, RestartsWhenARankHasWaitedTooLong) {
  FleetOptions options;
  options.max_restarts = 1;  // of one rank
  options.ranks = 1;
  const Ended ended = start({"restart", "0", std::to_string(timed_out)}, options).wait();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(news(ended.err), "trireme: restart 1 of 1, because a rank has waited past its deadline\n");
}

TEST_F(Fleet, AnErrorThatWouldComeAgainIsNotTriedAgain) {
  FleetOptions options;
  options.ranks = 2;
  options.max_restarts = 3;
  const Ended ended = start({"restart", "1", "33"}, options).wait();
  EXPECT_EQ(ended.code, 33);
  EXPECT_EQ(news(ended.err), "trireme: rank 1 left with exit code 33 and said nothing\n");
}

TEST_F(Fleet, GivesUpAfterTheLastRestart) {
  FleetOptions options;
  options.ranks = 2;
  options.max_restarts = 1;
  const Ended ended = start({"kill", "0", "9"}, options).wait();
  EXPECT_EQ(ended.code, 128 + 9);
  const std::string reason = "rank 0 on host " + host_name() + " was killed by signal 9 (Killed)\n";
  EXPECT_EQ(news(ended.err), "trireme: restart 1 of 1, because " + reason + "trireme: " + reason);
}

TEST_F(Fleet, AnMpirunThatStartsNobodyIsAnError) {
  const Ended ended = start({"say"}, {.ranks = 2, .hosts = {}, .hostfile = {}, .mpirun_words = {"--version"}}).wait();
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(ended.err.find("mpirun has ended without having started a rank"), std::string::npos) << ended.err;
}

TEST_F(Fleet, SaysWhichHostCannotBeReached) {
  const std::string agent =
      folder_.write("agent", "#!/bin/sh\necho 'ssh: connect to host far port 22: No route to host' >&2\nexit 255\n");
  std::filesystem::permissions(agent, std::filesystem::perms::owner_all);
  setenv("OMPI_MCA_plm_rsh_agent", agent.c_str(), 1);
  FleetOptions options;
  options.hosts = "far:2";
  const Ended ended = start({"wait"}, options).wait();
  unsetenv("OMPI_MCA_plm_rsh_agent");
  EXPECT_NE(ended.code, 0);
  const std::string said = news(ended.err);
  EXPECT_NE(said.find("(ssh: connect to host far port 22: No route to host)\n"), std::string::npos) << said;
  EXPECT_EQ(said.find('\n'), said.size() - 1) << "one line: " << said;
}

}  // namespace
}  // namespace trireme::launcher
