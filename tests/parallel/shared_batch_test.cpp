// Batch norm of ranks that share a batch, held to one rank with all of it; and what they keep of it.
#include "parallel/replicate/shared_batch.h"

#include <gtest/gtest.h>

#include <mutex>

#include "parallel/snapshot/snapshot.h"
#include "parallel/training/player.h"
#include "runtime/kernels/backend.h"
#include "runtime/nn/convolution.h"
#include "runtime/nn/image_norm.h"
#include "runtime/ops/elementwise.h"
#include "tests/support/compare.h"
#include "tests/support/random_tensors.h"
#include "tests/support/run_ranks.h"
#include "tests/support/scratch_folder.h"

namespace trireme {
namespace {

class Net : public nn::Module {
 public:
  Net()
      : conv(2, 3, {.window = nn::same(3)}), norm(3, {.slope = 0.2f}), last(3, 2, {.window = nn::same(3)}), norm_2(2) {
    add("conv", conv);
    add("norm", norm);
    add("last", last);
    add("norm_2", norm_2);
  }
  Tensor forward(Context& cx, const Tensor& x) {
    const Tensor y = norm.forward(cx, conv.forward(cx, x));
    return norm_2.forward(cx, last.forward(cx, y), ops::scale(cx, x, 0.5f));
  }
  nn::Conv2d conv;
  nn::BatchNorm2d norm;
  nn::Conv2d last;
  nn::BatchNorm2d norm_2;
};

constexpr std::int64_t samples = 12;

// A pass over this rank's part of 12 images, with the gradients summed over the ranks, and the buffers.
struct Pass {
  test::Values gradients, buffers;
};
Pass pass(Group& group, bool shared) {
  const Backend backend = make_backend("cpu", 1);
  parallel::Mesh mesh(group, {{"data", group.size()}});
  Net net;
  parallel::Player player(net, const_cast<Backend&>(backend), mesh.axis("data"),
                          {.optimizer = {.rule = UpdateRule::sgd}, .seed = 3, .shared_batch = shared});
  const std::int64_t mine = samples / group.size(), first = mine * group.rank();
  const Tensor all = test::random_tensor(*backend.device, {samples, 5, 4, 2}, DType::f32, 1);
  const Tensor fed = test::random_tensor(*backend.device, {samples, 5, 4, 2}, DType::f32, 2);
  Tape tape(*backend.device, *backend.kernels);
  Context cx{*backend.device, *backend.kernels, &tape, true};
  cx.samples = mine;
  player.set_step(0, false);
  player.begin(0, 1);
  const Tensor y = net.forward(cx, all.rows(first, first + mine));
  tape.backward(y, fed.rows(first, first + mine));
  player.finish();
  Pass result;
  for (nn::Parameter* p : net.parameters()) {
    const test::Values values = test::values_of(p->leaf.gradient);
    result.gradients.insert(result.gradients.end(), values.begin(), values.end());
  }
  for (nn::Buffer* b : net.buffers()) {
    const test::Values values = test::values_of(b->value);
    result.buffers.insert(result.buffers.end(), values.begin(), values.end());
  }
  return result;
}

std::vector<Pass> passes(int ranks, bool shared) {
  std::vector<Pass> all(static_cast<std::size_t>(ranks));
  test::run_ranks(ranks, [&](Group& group) { all[static_cast<std::size_t>(group.rank())] = pass(group, shared); });
  return all;
}

TEST(SharedBatch, GivesTheGradientsOfOneRank) {
  const Pass one = passes(1, true)[0];
  for (const int ranks : {2, 3, 4})
    for (const Pass& several : passes(ranks, true)) {
      EXPECT_TRUE(test::close(several.gradients, one.gradients, {1e-5, 1e-6})) << ranks;
      EXPECT_TRUE(test::close(several.buffers, one.buffers, {1e-6, 1e-7})) << ranks;
    }
}

TEST(SharedBatch, WithoutItRanksDifferFromOneButKeepTheSameStatistics) {
  const Pass one = passes(1, true)[0];
  const std::vector<Pass> two = passes(2, false);
  EXPECT_FALSE(test::close(two[0].gradients, one.gradients, {1e-3, 1e-3}));
  EXPECT_EQ(two[0].buffers, two[1].buffers);
}

TEST(SharedBatch, StatisticsAreSavedAndLoaded) {
  const test::ScratchFolder folder;
  const std::string path = folder / "checkpoint";
  test::run_ranks(2, [&](Group& group) {
    Backend backend = make_backend("cpu", 1);
    parallel::Mesh mesh(group, {{"data", group.size()}});
    for (const bool saves : {true, false}) {
      Net net;
      parallel::Player player(net, backend, mesh.axis("data"), {.optimizer = {.rule = UpdateRule::sgd}, .seed = 3});
      if (saves) {
        backend.kernels->fill(net.norm.running_mean.value, 0.25f);
        parallel::save_state(path, 1, {player.parameters, player.optimizer, player.loss_scale}, {}, group,
                             backend.device->compute());
      } else {
        EXPECT_EQ(test::values_of(net.norm.running_mean.value)[2], 0.0);
        const store::CheckpointReader reader(path);
        parallel::load_state(reader, {player.parameters, player.optimizer, player.loss_scale});
        EXPECT_EQ(test::values_of(net.norm.running_mean.value), test::Values(3, 0.25));
        EXPECT_EQ(test::values_of(net.norm_2.running_variance.value), test::Values(2, 1.0));
      }
    }
  });
}

}  // namespace
}  // namespace trireme
