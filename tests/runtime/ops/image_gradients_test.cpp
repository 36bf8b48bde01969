// The gradients of image operations against central differences.
#include <gtest/gtest.h>

#include "runtime/nn/spectral_norm.h"
#include "runtime/ops/convolution.h"
#include "runtime/ops/image_norm.h"
#include "runtime/ops/pooling.h"
#include "tests/support/gradient_check.h"

namespace trireme {
namespace {

using test::expect_gradients;
using Inputs = std::vector<Tensor>;

Window window(std::int64_t filter, std::int64_t stride, std::int64_t padding, std::int64_t dilation = 1) {
  const Side side{.filter = filter, .stride = stride, .dilation = dilation, .before = padding, .after = padding};
  return {side, side};
}

TEST(ImageGradients, Convolution) {
  for (const ops::ConvolutionOptions& options :
       {ops::ConvolutionOptions{.window = window(3, 1, 1)}, ops::ConvolutionOptions{.window = window(3, 2, 1)},
        ops::ConvolutionOptions{.window = window(3, 1, 1, 2)}})
    expect_gradients({.inputs = {{2, 5, 4, 2}, {3, 3, 3, 2}, {3}}}, [options](Context& cx, const Inputs& in) {
      return ops::convolution(cx, in[0], in[1], in[2], options);
    });
  expect_gradients({.inputs = {{1, 4, 4, 4}, {4, 2, 2, 2}}}, [](Context& cx, const Inputs& in) {
    return ops::convolution(cx, in[0], in[1], {}, {.window = window(2, 1, 0), .groups = 2});
  });
}

TEST(ImageGradients, ConvolutionWithASlope) {
  // Away from the kink: all results are positive, or all negative.
  for (const double sign : {1.0, -1.0})
    expect_gradients({.inputs = {{1, 4, 4, 2}, {3, 3, 3, 2}, {3}}, .range = {0.1, 1.0}},
                     [sign](Context& cx, const Inputs& in) {
                       return ops::convolution(cx, ops::scale(cx, in[0], static_cast<float>(sign)), in[1],
                                               ops::scale(cx, in[2], static_cast<float>(sign)),
                                               {.window = window(3, 1, 1), .slope = 0.2f});
                     });
}

TEST(ImageGradients, TransposedConvolution) {
  expect_gradients({.inputs = {{2, 3, 2, 3}, {3, 4, 4, 2}, {2}}}, [](Context& cx, const Inputs& in) {
    return ops::transposed_convolution(cx, in[0], in[1], in[2], {.window = window(4, 2, 1)}, {6, 4});
  });
  expect_gradients({.inputs = {{1, 2, 2, 2}, {2, 3, 3, 1}}, .range = {0.1, 1.0}}, [](Context& cx, const Inputs& in) {
    return ops::transposed_convolution(cx, in[0], in[1], {}, {.window = window(3, 2, 1), .groups = 2, .slope = 0.2f},
                                       {4, 3});
  });
}

TEST(ImageGradients, Pooling) {
  // Numbers so far apart that none overtakes another within the differences.
  test::Values apart(80);
  for (std::size_t i = 0; i < apart.size(); ++i) apart[i] = 0.25 * static_cast<double>(37 * i % 80) - 10.0;
  expect_gradients({.inputs = {{2, 5, 4, 2}}, .range = {-0.05, 0.05}}, [&](Context& cx, const Inputs& in) {
    const Tensor x = ops::add(cx, in[0], test::tensor_of(cx.device, apart, {2, 5, 4, 2}, DType::f32));
    return ops::max_pool(cx, x, window(3, 2, 1));
  });
  expect_gradients({.inputs = {{2, 5, 4, 2}}},
                   [](Context& cx, const Inputs& in) { return ops::average_pool(cx, in[0], window(3, 2, 1)); });
  expect_gradients({.inputs = {{1, 5, 7, 2}}}, [](Context& cx, const Inputs& in) {
    return ops::adaptive_average_pool(cx, in[0], {2, 3});
  });
}

TEST(ImageGradients, ResamplingAndJoining) {
  for (const Resampling how : {Resampling::nearest, Resampling::bilinear})
    expect_gradients({.inputs = {{1, 3, 2, 2}}}, [how](Context& cx, const Inputs& in) {
      return ops::resample(cx, in[0], {6, 5}, how);
    });
  expect_gradients({.inputs = {{2, 2, 3, 2}, {2, 2, 3, 3}}},
                   [](Context& cx, const Inputs& in) { return ops::join_channels(cx, in[0], in[1]); });
}

TEST(ImageGradients, BatchNorm) {
  for (const bool with_residual : {false, true})
    for (const float slope : {1.0f, 0.2f}) {
      std::vector<Shape> inputs{{2, 3, 3, 2}, {2}, {2}};
      if (with_residual) inputs.push_back(inputs[0]);
      // Results lie on both sides of the kink, and none within the differences of it.
      expect_gradients({.inputs = inputs, .step = 5e-3}, [=](Context& cx, const Inputs& in) {
        return ops::batch_norm(cx, in[0], in[1], in[2], with_residual ? in[3] : Tensor{}, {}, {.slope = slope});
      });
    }
}

TEST(ImageGradients, BatchNormWithRunningStatistics) {
  expect_gradients({.inputs = {{2, 3, 3, 2}, {2}, {2}}}, [](Context& cx, const Inputs& in) {
    const Tensor mean = test::tensor_of(cx.device, {0.1, -0.2}, {2}, DType::f32);
    const Tensor variance = test::tensor_of(cx.device, {0.5, 2.0}, {2}, DType::f32);
    return ops::batch_norm(cx, in[0], in[1], in[2], {}, {mean, variance}, {});
  });
}

TEST(ImageGradients, GroupAndInstanceNorm) {
  for (const std::int64_t groups : {1, 2, 4})
    expect_gradients({.inputs = {{2, 3, 2, 4}, {4}, {4}}, .step = 5e-3}, [groups](Context& cx, const Inputs& in) {
      return ops::group_norm(cx, in[0], in[1], in[2], groups);
    });
  expect_gradients({.inputs = {{2, 3, 3, 2}}, .step = 5e-3},
                   [](Context& cx, const Inputs& in) { return ops::group_norm(cx, in[0], {}, {}, 2); });
}

TEST(ImageNormState, RunningStatisticsMoveInTrainingAlone) {
  const Backend backend = make_backend("reference", 1);
  Context cx{*backend.device, *backend.kernels};
  const Tensor x = test::tensor_of(cx.device, {1, 3, 5, 7}, {4, 1, 1, 1}, DType::f32);
  const Tensor one = test::tensor_of(cx.device, {1}, {1}, DType::f32),
               zero = test::tensor_of(cx.device, {0}, {1}, DType::f32);
  const ops::BatchNormState running{test::tensor_of(cx.device, {0}, {1}, DType::f32),
                                    test::tensor_of(cx.device, {1}, {1}, DType::f32)};
  ops::batch_norm(cx, x, one, zero, {}, running, {.momentum = 0.5f});
  EXPECT_EQ(test::values_of(running.mean)[0], 0);
  cx.training = true;
  const Tensor y = ops::batch_norm(cx, x, one, zero, {}, running, {.epsilon = 0.0f, .momentum = 0.5f});
  EXPECT_FLOAT_EQ(static_cast<float>(test::values_of(running.mean)[0]), 2.0f);                  // of 0 and 4
  EXPECT_FLOAT_EQ(static_cast<float>(test::values_of(running.variance)[0]), 0.5f + 10.0f / 3);  // of 1 and 20 / 3
  EXPECT_FLOAT_EQ(static_cast<float>(test::values_of(y)[3]), 3.0f / std::sqrt(5.0f));
}

TEST(SpectralNorm, DividesByTheLargestSingularValue) {
  const Backend backend = make_backend("reference", 1);
  nn::SpectralNorm norm({2, 1, 1, 3});
  norm.u.value = test::random_tensor(*backend.device, {1, 2}, DType::f32, 1);
  norm.v.value = test::random_tensor(*backend.device, {1, 3}, DType::f32, 2);
  // diag(3, 2) turned by nothing: singular values 3 and 2.
  const Tensor weight = test::tensor_of(*backend.device, {3, 0, 0, 0, 2, 0}, {2, 1, 1, 3}, DType::f32);
  Context cx{*backend.device, *backend.kernels};
  cx.training = true;
  Tensor y;
  for (int i = 0; i < 40; ++i) y = norm.forward(cx, weight);
  EXPECT_TRUE(test::close(test::values_of(y), {1, 0, 0, 0, 2.0 / 3, 0}, {1e-5, 1e-5}));
}

TEST(SpectralNorm, GradientWithTheVectorsHeld) {
  nn::SpectralNorm norm({3, 2, 1, 2});
  bool moved = false;
  expect_gradients({.inputs = {{3, 2, 1, 2}}, .step = 1e-3, .tolerance = 2e-2}, [&](Context& cx, const Inputs& in) {
    if (!moved) {
      norm.u.value = test::random_tensor(cx.device, {1, 3}, DType::f32, 5);
      norm.v.value = test::random_tensor(cx.device, {1, 4}, DType::f32, 6);
      Context training{cx.device, cx.kernels};
      training.training = true;
      for (int i = 0; i < 200; ++i) norm.forward(training, in[0].detached());
      moved = true;
    }
    return norm.forward(cx, in[0]);
  });
}

TEST(ImageShapes, WrongOnesAreRefused) {
  const Backend backend = make_backend("reference", 1);
  Context cx{*backend.device, *backend.kernels};
  const auto tensor = [&](const Shape& shape) { return empty(cx.device, shape, DType::f32); };
  const Tensor x = tensor({1, 4, 4, 3});
  EXPECT_THROW(ops::convolution(cx, x, tensor({2, 3, 3, 4}), {}, {.window = window(3, 1, 0)}), Error);
  EXPECT_THROW(ops::convolution(cx, x, tensor({2, 5, 5, 3}), {}, {.window = window(5, 1, 0)}), Error);
  EXPECT_THROW(ops::convolution(cx, x, tensor({2, 3, 3, 3}), tensor({3}), {.window = window(3, 1, 0)}), Error);
  EXPECT_THROW(ops::convolution(cx, tensor({4, 4, 3}), tensor({2, 3, 3, 3}), {}, {.window = window(3, 1, 0)}), Error);
  EXPECT_THROW(ops::transposed_convolution(cx, x, tensor({3, 2, 2, 1}), {}, {.window = window(2, 2, 0)}, {10, 8}),
               Error);
  EXPECT_THROW(ops::max_pool(cx, x, window(17, 1, 8)), Error);
  EXPECT_THROW(ops::max_pool(cx, x, window(2, 1, 2)), Error);
  EXPECT_THROW(ops::join_channels(cx, x, tensor({1, 4, 3, 3})), Error);
  EXPECT_THROW(ops::group_norm(cx, x, {}, {}, 2), Error);
  EXPECT_THROW(ops::batch_norm(cx, x, tensor({3}), {}, {}, {}, {}), Error);
  cx.training = true;
  EXPECT_THROW(ops::batch_norm(cx, tensor({1, 1, 1, 3}), {}, {}, {}, {}, {}), Error);
}

}  // namespace
}  // namespace trireme
