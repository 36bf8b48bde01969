// Gradient buckets: what every rank holds when the step's reduction is over.
#include "parallel/replicate/buckets.h"

#include <gtest/gtest.h>

#include "runtime/kernels/backend.h"
#include "runtime/nn/layers.h"
#include "tests/support/host_values.h"
#include "tests/support/run_ranks.h"

namespace trireme {
namespace {

// Five layers, of which a pass may use any.
class Stack : public nn::Module {
 public:
  Stack() {
    for (int i = 0; i < 5; ++i) {
      layers.push_back(std::make_unique<nn::Linear>(4, 4));
      add("layers." + std::to_string(i), *layers.back());
    }
  }
  std::vector<std::unique_ptr<nn::Linear>> layers;
};

struct Rank {
  explicit Rank(Group& group, std::int64_t bucket_bytes)
      : mesh(group, {{"data", group.size()}}),
        flat(stack, *backend.device, *backend.kernels, {.block_bytes = bucket_bytes}),
        buckets(flat, mesh.axis("data")) {
    flat.initialise(1);
  }

  // One pass through the named layers, with an input that depends on the rank.
  void pass(const std::vector<int>& layers, bool last) {
    Tape tape(*backend.device, *backend.kernels);
    Context cx{*backend.device, *backend.kernels, &tape};
    const float value = static_cast<float>(mesh.axis("data").index() + 1);
    Tensor x = from_host<float>(*backend.device, std::vector<float>(8, value), {2, 4});
    for (const int layer : layers) x = stack.layers[static_cast<std::size_t>(layer)]->forward(cx, x);
    buckets.begin(last);
    Tensor seed = empty_like(x);
    backend.kernels->fill(seed, 1.0f);
    tape.backward(x, seed);
  }
  test::Values bias_gradient(int layer) {
    return test::values_of(stack.layers[static_cast<std::size_t>(layer)]->bias.leaf.gradient);
  }

  Backend backend = make_backend("reference", 1);
  Stack stack;
  parallel::Mesh mesh;
  nn::FlatParameters flat;
  parallel::Buckets buckets;
};

class BucketsOfSize : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(BucketsOfSize, HoldTheSumOverRanks) {
  test::run_ranks(3, [](Group& group) {
    Rank rank(group, GetParam());
    rank.flat.begin_step();
    rank.pass({0, 1, 2, 3, 4}, true);
    rank.buckets.finish();
    EXPECT_EQ(rank.bias_gradient(4), test::Values(4, 3 * 2.0));  // two rows of ones on each of three ranks
  });
}

TEST_P(BucketsOfSize, ReduceOnceAfterTheLastOfSeveralPasses) {
  test::run_ranks(2, [](Group& group) {
    Rank rank(group, GetParam());
    rank.flat.begin_step();
    for (const bool last : {false, false, true}) rank.pass({0, 1, 2, 3, 4}, last);
    rank.buckets.finish();
    EXPECT_EQ(rank.bias_gradient(4), test::Values(4, 2 * 3 * 2.0));
  });
}

TEST_P(BucketsOfSize, RanksMayFinishTheirGradientsInDifferentOrders) {
  test::run_ranks(2, [](Group& group) {
    Rank rank(group, GetParam());
    rank.flat.begin_step();
    rank.pass(group.rank() == 0 ? std::vector{0, 1, 2, 3, 4} : std::vector{4, 2, 0, 1, 3}, true);
    rank.buckets.finish();
    EXPECT_GT(rank.bias_gradient(3)[0], 0.0);
  });
}

TEST_P(BucketsOfSize, AParameterThatARankDoesNotUseCountsAsZeroThere) {
  test::run_ranks(2, [](Group& group) {
    Rank rank(group, GetParam());
    for (int step = 0; step < 2; ++step) {  // what the first step left behind must not come back in the second
      rank.flat.begin_step();
      rank.pass(group.rank() == 0 ? std::vector{0, 4} : std::vector{0, 1}, true);
      rank.buckets.finish();
      EXPECT_EQ(rank.bias_gradient(4), test::Values(4, 2.0)) << "used by rank 0 alone";
      EXPECT_EQ(rank.bias_gradient(2), test::Values(4, 0.0)) << "used by nobody";
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Bytes, BucketsOfSize, ::testing::Values(1, 150, 1 << 20));

TEST(Buckets, SmallOnesAreManyAndLargeOnesFew) {
  test::run_ranks(2, [](Group& group) {
    EXPECT_EQ(Rank(group, 1).buckets.count(), 10u);  // every parameter its own
    EXPECT_EQ(Rank(group, 1 << 20).buckets.count(), 1u);
  });
}

}  // namespace
}  // namespace trireme
