// What a process may have, before libraries meet it.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launcher/trainer/rank_device.h"
#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::launcher {
namespace {

TEST(Limits, AnAddressSpaceThatIsTooSmallIsAnError) {
  check_address_space();
  const auto look = [] {
    const rlimit small{rlim_t{100} << 20, RLIM_INFINITY};
    if (setrlimit(RLIMIT_AS, &small) != 0) _exit(2);
    try {
      check_address_space();
    } catch (const Error&) {
      _exit(0);
    }
    _exit(1);
  };
  EXPECT_EXIT(look(), testing::ExitedWithCode(0), "");
}

TEST(Limits, ThreadsAreCounted) {
  check_threads(0);
  check_threads(4096);
  for (const int wrong : {-1, 4097})
    EXPECT_EQ(test::message_of<Error>([&] { check_threads(wrong); }),
              "[--threads] expected 0 to 4096 threads, found " + std::to_string(wrong));
}

}  // namespace
}  // namespace trireme::launcher
