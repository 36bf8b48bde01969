// The convolutions of the image models, in three passes, by cuDNN's own judgement on an H200.
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "runtime/kernels/cuda/dnn/convolution.h"
#include "runtime/kernels/cuda/dnn/plan.h"
#include "tests/runtime/cudnn/h200.h"

namespace trireme::cuda::dnn {
namespace {

struct Case {
  std::string name;
  ConvolutionShape shape;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

// Images, their side and channels; filters, their side, padding and stride.
ConvolutionShape square(std::int64_t images, std::int64_t side, std::int64_t channels, std::int64_t filters,
                        std::int64_t filter_side, std::int64_t padding, std::int64_t stride) {
  const Side window{.filter = filter_side, .stride = stride, .before = padding, .after = padding};
  return {.images = images,
          .height = side,
          .width = side,
          .channels = channels,
          .filters = filters,
          .window = {window, window}};
}

ConvolutionShape grouped(std::int64_t images, std::int64_t side, std::int64_t channels, std::int64_t filters,
                         std::int64_t groups) {
  ConvolutionShape shape = square(images, side, channels, filters, 3, 1, 1);
  shape.groups = groups;
  return shape;
}

const Case cases[] = {
    {"resnet_stem_padded_to_8", square(64, 224, 8, 64, 7, 3, 2)},
    {"resnet_cifar_stem_padded_to_8", square(128, 32, 8, 64, 3, 1, 1)},
    {"resnet_3x3_64", square(64, 56, 64, 64, 3, 1, 1)},
    {"resnet_3x3_128_stride", square(64, 56, 128, 128, 3, 1, 2)},
    {"resnet_3x3_512", square(64, 7, 512, 512, 3, 1, 1)},
    {"resnet_1x1_expand", square(64, 56, 64, 256, 1, 0, 1)},
    {"resnet_1x1_reduce", square(64, 14, 1024, 256, 1, 0, 1)},
    {"resnet_1x1_stride", square(64, 56, 256, 512, 1, 0, 2)},
    {"unet_3x3_wide", square(8, 256, 64, 64, 3, 1, 1)},
    {"unet_3x3_joined", square(8, 128, 256, 128, 3, 1, 1)},
    {"unet_2x2_up", square(8, 128, 64, 128, 2, 0, 2)},  // its input gradient doubles the image
    {"unet_1x1_classes_padded_to_8", square(8, 256, 64, 8, 1, 0, 1)},
    {"dcgan_4x4_first_padded_to_8", square(128, 64, 8, 64, 4, 1, 2)},
    {"dcgan_4x4_middle", square(128, 16, 128, 256, 4, 1, 2)},
    {"dcgan_4x4_last_padded_to_8", square(128, 4, 512, 8, 4, 0, 1)},
    {"groups", grouped(32, 28, 64, 64, 4)},
};

class CudnnConvolution : public ::testing::TestWithParam<Case> {
 protected:
  // All passes have engines that give the same bits on every call, with at most so many bytes beside the tensors.
  void expect_engines(DType dtype, const Conditions& conditions) {
    ConvolutionShape shape = GetParam().shape;
    shape.dtype = shape.result = dtype;
    const Target target(test::h200_properties);
    for (ConvolutionPass pass :
         {ConvolutionPass::forward, ConvolutionPass::input_gradient, ConvolutionPass::weight_gradient}) {
      const std::optional<Plan> found = find_plan(convolution(shape, pass), target, conditions);
      ASSERT_TRUE(found) << "pass " << static_cast<int>(pass);
      std::cout << "pass " << static_cast<int>(pass) << ": " << found->engine() << ", workspace " << found->workspace()
                << " bytes\n";
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Models, CudnnConvolution, ::testing::ValuesIn(cases),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(CudnnConvolution, HasEnginesFor16Bits) {
  for (DType dtype : {DType::bf16, DType::f16}) expect_engines(dtype, {.workspace = 256 << 20});
}

TEST_P(CudnnConvolution, HasEnginesForExactFp32) {
  expect_engines(DType::f32, {.exact_inputs = true, .workspace = std::int64_t{1} << 30});
}

// Gradients of weights, and what a bias is added to: sums of 16-bit products in fp32. cuDNN compiles these engines,
// about a second each, so a few stand for all.
TEST(CudnnSums, HaveEnginesFrom16BitsToFp32) {
  const Target target(test::h200_properties);
  for (const Case& c : {cases[6], cases[14]})
    for (ConvolutionPass pass :
         {ConvolutionPass::forward, ConvolutionPass::input_gradient, ConvolutionPass::weight_gradient}) {
      ConvolutionShape shape = c.shape;
      shape.result = DType::f32;
      EXPECT_TRUE(find_plan(convolution(shape, pass), target, {.workspace = 256 << 20}))
          << c.name << ", pass " << static_cast<int>(pass);
    }
}

}  // namespace
}  // namespace trireme::cuda::dnn
