// Staged groups over the CUDA device's own code: threads behind communication streams, events between streams.
#include <gtest/gtest.h>

#include "collectives/staged/staged_group.h"
#include "runtime/device/cuda/cuda_device.h"
#include "tests/collectives/operations.h"
#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

class StagedCuda : public ::testing::TestWithParam<int> {
 protected:
  static void on_every_rank(const std::function<void(Group&, Device&)>& body) {
    auto hosts = make_thread_groups(GetParam(), {.deadline = 60.0});
    std::vector<std::jthread> threads;
    for (auto& owned : hosts) {
      threads.emplace_back([&, host = std::move(owned)]() mutable {
        const auto device = cuda::make_cuda_device(0);
        const auto group = make_staged_group(std::move(host), *device, {.window_bytes = 1 << 18});
        try {
          body(*group, *device);
        } catch (const PeerFailed&) {  // its rank says what happened
        } catch (const std::exception& error) {
          ADD_FAILURE() << error.what();
          group->abort(error.what());
        }
      });
    }
  }
};

TEST_P(StagedCuda, AllToAll) {
  on_every_rank(check_all_to_all);
}
TEST_P(StagedCuda, SendRecv) {
  on_every_rank(check_send_recv);
}
TEST_P(StagedCuda, Windows) {
  on_every_rank(check_windows);
}
TEST_P(StagedCuda, Split) {
  on_every_rank(check_split);
}
TEST_P(StagedCuda, RandomOrder) {
  on_every_rank([](Group& group, Device& device) { check_random_order(group, device, 5); });
}

INSTANTIATE_TEST_SUITE_P(Ranks, StagedCuda, ::testing::Values(2, 3));

// The backward pass goes on while gradients are exchanged, and the update waits for them.
TEST_P(StagedCuda, ComputingGoesOnMeanwhile) {
  on_every_rank([](Group& group, Device& device) {
    const auto gradients = device.allocate(1 << 20, MemoryKind::gradients);
    std::vector<float> values(1 << 18, static_cast<float>(group.rank() + 1));
    device.copy_from_host(gradients->data(), values.data(), 1 << 20);
    device.communication().wait(device.compute().record());
    group.all_reduce({.data = gradients->data(), .count = 1 << 18, .dtype = DType::f32, .label = "gradients"},
                     Reduction::sum, device.communication());
    const auto other = device.allocate(1 << 20, MemoryKind::activations);
    device.copy_from_host(other->data(), values.data(), 1 << 20);  // the compute stream's own
    device.compute().wait(device.communication().record());
    device.copy_to_host(values.data(), gradients->data(), 1 << 20);
    const int ranks = group.size();
    EXPECT_EQ(values.front(), static_cast<float>(ranks * (ranks + 1) / 2));
    EXPECT_EQ(values.back(), values.front());
  });
}

}  // namespace
}  // namespace trireme::test
