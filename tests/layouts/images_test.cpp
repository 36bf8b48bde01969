// Networks for images on ranks that share a batch and the state: batch norm is that of the whole batch.
#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "tests/layouts/layouts.h"

namespace trireme::test {
namespace {

const Recipe momentum{.optimizer = "momentum { }", .lr = 0.05};
const Layout sizes{.data = 4};

TEST(LayoutImages, DataParallelismAndZeroComputeWhatOneRankComputes) {
  for (const Model& model : {lenet, unet}) {
    const Outcome one = train(job_for(model, {}, momentum, sizes), {.steps = 4, .keep_weights = true});
    for (const int data : {2, 4})
      for (int zero = 0; zero <= 3; ++zero) {
        const Layout layout{.data = data, .zero = zero, .zero_ranks = data == 4 && zero > 0 ? 2 : 0};
        SCOPED_TRACE(std::string(model.name) + ", " + described(layout));
        const Outcome got = train(job_for(model, layout, momentum, sizes), {.steps = 4, .keep_weights = true});
        expect_losses(got, one, 2e-5);
        expect_weights(got, one, 2e-5);
      }
  }
}

// Without it each rank normalises by its own images.
TEST(LayoutImages, OwnBatchNormIsNotThatOfTheBatch) {
  const Outcome one = train(job_for(unet, {}, momentum, sizes), {.steps = 2});
  job::Job own = job_for(unet, {.data = 2}, momentum, sizes);
  own.mutable_parallel()->set_shared_batch_norm(false);
  const Outcome two = train(own, {.steps = 2});
  EXPECT_GT(std::abs(two.losses[0] - one.losses[0]), 1e-4 * one.losses[0]);
}

TEST(LayoutImages, LayersAreNotSharedOut) {
  for (const Layout& layout : {Layout{.pipeline = 2}, Layout{.tensor = 2}}) try {
      (void)job_for(unet, layout);
      ADD_FAILURE() << described(layout);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("needs a model whose layers can be shared out"), std::string::npos)
          << error.what();
    }
}

}  // namespace
}  // namespace trireme::test
