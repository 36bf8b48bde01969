#include "launcher/fleet/processes.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "tests/launcher/child.h"

namespace trireme::launcher {
namespace {

const ProcessState* find(const std::vector<ProcessState>& processes, pid_t id) {
  const auto found =
      std::find_if(processes.begin(), processes.end(), [&](const ProcessState& p) { return p.id == id; });
  return found == processes.end() ? nullptr : &*found;
}

TEST(Descendants, ChildrenAndTheirChildren) {
  Child child([] {
    const pid_t below = fork();
    if (below == 0) pause();
    std::printf("%d\n", below);
    std::fflush(stdout);
    pause();
    return 0;
  });
  ASSERT_TRUE(child.says("\n"));
  const pid_t below = std::stoi(child.out());
  const auto processes = descendants(getpid());
  EXPECT_NE(find(processes, child.id()), nullptr);
  EXPECT_NE(find(processes, below), nullptr);
  EXPECT_EQ(find(processes, getpid()), nullptr);
  EXPECT_EQ(find(descendants(child.id()), child.id()), nullptr);
  kill(below, SIGKILL);
  EXPECT_TRUE(Child::eventually([&] {
    const auto now = descendants(child.id());
    const ProcessState* dead = find(now, below);
    return dead && dead->state == 'Z';
  })) << "a dead process that nobody has collected is seen as such";
}

TEST(OutOfMemoryKills, IsReadFromTheKernelsCounters) {
  const test::ScratchFolder folder;
  EXPECT_EQ(out_of_memory_kills(folder.write("vmstat", "pgfault 12\noom_kill 3\npgmajfault 1\n")), 3);
  EXPECT_EQ(out_of_memory_kills(folder.write("vmstat", "pgfault 12\n")), 0);
  EXPECT_EQ(out_of_memory_kills(folder / "absent"), 0);
}

}  // namespace
}  // namespace trireme::launcher
