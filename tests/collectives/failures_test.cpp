// What happens when ranks are missing, disagree, fail or leave: one clear error on every rank, soon, and never a hang.
#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "collectives/threads/thread_group.h"
#include "runtime/device/cpu/cpu_device.h"
#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Runs `body` on every rank and returns each rank's error; empty where there was none.
std::vector<std::string> errors_of(int ranks, double deadline, const std::function<void(Group&, Device&)>& body) {
  std::vector<std::string> errors(static_cast<std::size_t>(ranks));
  auto groups = make_thread_groups(ranks, {.deadline = deadline});
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank, group = std::move(groups[static_cast<std::size_t>(rank)])]() mutable {
      const auto device = make_cpu_device();
      try {
        body(*group, *device);
      } catch (const std::exception& error) {
        errors[static_cast<std::size_t>(rank)] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return errors;
}

std::string joined(const std::vector<std::string>& errors) {
  std::string all;
  for (const std::string& error : errors) all += error + '\n';
  return all;
}

void sum(Group& group, Device& device, std::int64_t count, std::string_view label) {
  std::vector<float> values(static_cast<std::size_t>(count), 1.0f);
  group.all_reduce({.data = values.data(), .count = count, .dtype = DType::f32, .label = label}, Reduction::sum,
                   device.compute());
}

class Missing : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(Missing, RankIsNamedAtTheDeadline) {
  const auto start = Clock::now();
  const auto errors = errors_of(3, 0.5, [&](Group& group, Device& device) {
    sum(group, device, 8, "first");
    if (group.rank() == 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1500));
      group.barrier(device.compute());
    } else {
      sum(group, device, GetParam(), "gradient bucket 3");
    }
  });
  EXPECT_LT(seconds_since(start), 5.0);
  // Ranks 0 and 2 time out; the second of them may be told of the first one's failure instead.
  const std::string& first = errors[0].find("not arrived: rank 1") != std::string::npos ? errors[0] : errors[2];
  EXPECT_NE(first.find("[all_reduce]"), std::string::npos) << joined(errors);
  EXPECT_NE(first.find("waited 0.5 s"), std::string::npos) << joined(errors);
  EXPECT_NE(first.find("call 2 of group 'world'"), std::string::npos) << joined(errors);
  EXPECT_NE(first.find("gradient bucket 3"), std::string::npos) << joined(errors);
  EXPECT_NE(first.find("not arrived: rank 1 on host"), std::string::npos) << joined(errors);
  EXPECT_NE(first.find("last seen in call 1, all_reduce sum of 8 f32 'first'"), std::string::npos) << joined(errors);
  for (const std::string& error : errors) EXPECT_FALSE(error.empty()) << joined(errors);
}

INSTANTIATE_TEST_SUITE_P(Counts, Missing, ::testing::Values(3, 100'000));

TEST(Failures, MissingSenderIsNamed) {
  const auto errors = errors_of(2, 0.3, [](Group& group, Device& device) {
    float value = 0;
    const Region one{.data = &value, .count = 1, .dtype = DType::f32, .label = "activations"};
    if (group.rank() == 0) {
      for (int message = 0; message < 3; ++message) group.recv(one, 1, device.compute());
    } else {
      for (int message = 0; message < 2; ++message) group.send(one, 0, device.compute());
      std::this_thread::sleep_for(std::chrono::milliseconds(800));
    }
  });
  EXPECT_NE(errors[0].find("[recv]"), std::string::npos) << joined(errors);
  EXPECT_NE(errors[0].find("in message 3 of group 'world', recv of 1 f32 from rank 1 'activations'"), std::string::npos)
      << joined(errors);
  EXPECT_NE(errors[0].find("(2 messages sent)"), std::string::npos) << joined(errors);
  EXPECT_NE(errors[0].find("rank 1 on host"), std::string::npos) << joined(errors);
}

TEST(Failures, DifferentCallsAreNamedOnBothSides) {
  const auto disagree = [](const std::function<void(Group&, Device&)>& odd, std::string_view expected) {
    const auto start = Clock::now();
    const auto errors = errors_of(3, 20.0, [&](Group& group, Device& device) {
      if (group.rank() == 2)
        odd(group, device);
      else
        sum(group, device, 100, "loss");
    });
    EXPECT_LT(seconds_since(start), 5.0);
    const std::string all = joined(errors);
    for (const std::string& error : errors) {
      EXPECT_NE(error.find("ranks disagree in call 1 of group 'world'"), std::string::npos) << all;
      EXPECT_NE(error.find("all_reduce sum of 100 f32 'loss'"), std::string::npos) << all;
      EXPECT_NE(error.find(expected), std::string::npos) << all;
    }
  };
  disagree([](Group& group, Device& device) { sum(group, device, 101, "norm"); }, "all_reduce sum of 101 f32 'norm'");
  disagree([](Group& group, Device& device) { sum(group, device, 100'000, "norm"); }, "all_reduce sum of 100000 f32");
  disagree([](Group& group, Device& device) { group.barrier(device.compute()); }, "calls barrier");
  disagree([](Group& group, Device&) { group.split(0, 0, "pair"); }, "calls split 'pair'");
  disagree(
      [](Group& group, Device& device) {
        std::vector<float> values(100);
        group.all_reduce({.data = values.data(), .count = 100, .dtype = DType::f32, .label = "max"}, Reduction::max,
                         device.compute());
      },
      "all_reduce max of 100 f32 'max'");
  disagree(
      [](Group& group, Device& device) {
        std::vector<double> values(100);
        group.all_reduce({.data = values.data(), .count = 100, .dtype = DType::f64, .label = "wide"}, Reduction::sum,
                         device.compute());
      },
      "all_reduce sum of 100 f64 'wide'");
}

TEST(Failures, DifferentMessagesAreNamed) {
  const auto errors = errors_of(2, 10.0, [](Group& group, Device& device) {
    std::vector<float> values(10);
    if (group.rank() == 0)
      group.send({.data = values.data(), .count = 10, .dtype = DType::f32}, 1, device.compute());
    else
      group.recv({.data = values.data(), .count = 9, .dtype = DType::f32}, 0, device.compute());
  });
  EXPECT_NE(errors[1].find("expects 9 f32 from rank 0"), std::string::npos) << joined(errors);
  EXPECT_NE(errors[1].find("sent 10 f32"), std::string::npos) << joined(errors);
}

TEST(Failures, ErrorInOneRankFreesTheOthersWithinASecond) {
  const auto start = Clock::now();
  try {
    run_ranks(
        4,
        [](Group& group, Device& device) {
          sum(group, device, 8, "step 1");
          if (group.rank() == 3) fail("data", "file has ended");
          sum(group, device, 100'000, "step 2");
        },
        60.0);
    FAIL() << "no error came through";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "[data] file has ended");
  }
  EXPECT_LT(seconds_since(start), 1.5);
}

TEST(Failures, OthersQuoteTheRankThatFailed) {
  const auto errors = errors_of(2, 60.0, [](Group& group, Device& device) {
    if (group.rank() == 1) {
      group.abort("[loss] not finite");
      return;
    }
    EXPECT_THROW(sum(group, device, 8, "loss"), PeerFailed);
    sum(group, device, 8, "loss");  // and for ever after
  });
  EXPECT_NE(errors[0].find("rank 1 on host"), std::string::npos) << joined(errors);
  EXPECT_NE(errors[0].find("[loss] not finite"), std::string::npos) << joined(errors);
}

TEST(Failures, SubgroupsFailTogether) {
  const auto start = Clock::now();
  const auto errors = errors_of(4, 60.0, [](Group& group, Device& device) {
    const auto pair = group.split(group.rank() / 2, 0, "pair");
    if (group.rank() == 0) {
      group.abort("[loss] not finite");
      return;
    }
    for (;;) sum(group.rank() == 1 ? *pair : group, device, 8, "loss");
  });
  EXPECT_LT(seconds_since(start), 2.0);
  for (int rank = 1; rank < 4; ++rank)
    EXPECT_NE(errors[static_cast<std::size_t>(rank)].find("[loss] not finite"), std::string::npos) << joined(errors);
}

TEST(Failures, RankThatLeavesIsNamed) {
  const auto start = Clock::now();
  auto groups = make_thread_groups(2, {.deadline = 60.0});
  std::thread leaver([group = std::move(groups[1])]() mutable { group.reset(); });
  const auto device = make_cpu_device();
  try {
    groups[0]->barrier(device->compute());
    FAIL() << "a barrier of one";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("rank 1 on host"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("has left the group"), std::string::npos) << error.what();
  }
  leaver.join();
  EXPECT_LT(seconds_since(start), 2.0);
}

TEST(Failures, OneGroupOnTwoStreamsAtOnceIsRefused) {
  run_ranks(2, [](Group& group, Device& device) {
    if (group.rank() == 0) {
      group.barrier(device.communication());
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the barrier waits there
      try {
        group.barrier(device.compute());
        ADD_FAILURE() << "two barriers at once";
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("in use on another stream"), std::string::npos) << error.what();
      }
      device.communication().synchronize();
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(400));
      group.barrier(device.compute());
    }
  });
}

TEST(Failures, ImpossibleCallsAreRefused) {
  run_ranks(2, [](Group& group, Device& device) {
    std::vector<float> values(8);
    const Region all{.data = values.data(), .count = 8, .dtype = DType::f32};
    const Region three{.data = values.data(), .count = 3, .dtype = DType::f32};
    if (group.rank() == 1) return;
    EXPECT_THROW(group.all_gather(three, all, device.compute()), Error);
  });
  run_ranks(2, [](Group& group, Device& device) {
    std::vector<float> values(3);
    const Region three{.data = values.data(), .count = 3, .dtype = DType::f32};
    if (group.rank() == 1) return;
    EXPECT_THROW(group.all_to_all(three, three, device.compute()), Error);
  });
  run_ranks(2, [](Group& group, Device& device) {
    if (group.rank() == 1) return;
    EXPECT_THROW(group.send({}, 0, device.compute()), Error);
  });
  run_ranks(2, [](Group& group, Device& device) {
    if (group.rank() == 1) return;
    EXPECT_THROW(group.broadcast({}, 2, device.compute()), Error);
  });
  EXPECT_THROW(make_thread_groups(0), Error);
}

}  // namespace
}  // namespace trireme::test
