// Convolutions that are large enough to be computed with fewer products, at every level, against the reference.
#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/kernels/cpu/cpu_kernels.h"
#include "runtime/kernels/image_kernels.h"
#include "runtime/kernels/reference/reference_kernels.h"
#include "tests/support/compare.h"
#include "tests/support/random_tensors.h"

namespace trireme {
namespace {

struct Sizes {
  Shape x, weight;
  std::int64_t before, after;  // padding

  Window window() const {
    const Side side{.filter = 3, .before = before, .after = after};
    return {side, side};
  }
  Shape y() const { return {x[0], window().height.out(x[1]), window().width.out(x[2]), weight[0]}; }
};

// Odd numbers of outputs and of channels, and every kind of padding.
const Sizes all_sizes[] = {{{2, 23, 25, 33}, {35, 3, 3, 33}, 1, 1},
                           {{1, 36, 35, 32}, {40, 3, 3, 32}, 0, 0},
                           {{1, 33, 32, 40}, {33, 3, 3, 40}, 2, 1}};

class Winograd : public testing::TestWithParam<CpuLevel> {
 protected:
  // All three passes over random tensors, rounded to `dtype` and computed with by `kernels` in `as`.
  std::vector<Tensor> passes(Kernels& kernels, const Sizes& sizes, DType dtype, DType as) {
    const auto input = [&](const Shape& shape, std::uint64_t seed) {
      const Tensor rounded = test::random_tensor(*device_, shape, dtype, seed);
      return test::tensor_of(*device_, test::values_of(rounded), shape, as);
    };
    const Tensor x = input(sizes.x, 1), weight = input(sizes.weight, 2), dy = input(sizes.y(), 3);
    const Tensor bias = input({sizes.weight[0]}, 4);
    Tensor y = empty(*device_, sizes.y(), as), dx = empty(*device_, sizes.x, as);
    const DType gradient = as == DType::f64 ? DType::f64 : DType::f32;
    Tensor dweight = test::random_tensor(*device_, sizes.weight, gradient, 5);
    ImageKernels& images = kernels.images();
    images.convolution(y, x, weight, {.window = sizes.window(), .bias = &bias, .slope = 0.2f});
    images.convolution_input(dx, dy, weight, {.window = sizes.window()});
    images.convolution_weight(dweight, dy, x, {.window = sizes.window()}, true);
    return {y, dx, dweight};
  }

  std::unique_ptr<Device> device_ = make_cpu_device();
};
INSTANTIATE_TEST_SUITE_P(Levels, Winograd, testing::ValuesIn(cpu_levels()),
                         [](const auto& tested) { return "level_" + std::to_string(static_cast<int>(tested.param)); });

TEST_P(Winograd, AgreesWithTheReference) {
  const auto kernels = make_cpu_kernels(1, GetParam()), reference = make_reference_kernels();
  for (const Sizes& sizes : all_sizes)
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const std::vector<Tensor> got = passes(*kernels, sizes, dtype, dtype);
      const std::vector<Tensor> want = passes(*reference, sizes, dtype, DType::f64);
      for (std::size_t i = 0; i < got.size(); ++i)
        EXPECT_TRUE(test::close(got[i], want[i], test::rounding_of(got[i].dtype()))) << sizes.x << " pass " << i;
    }
}

TEST_P(Winograd, ThreadsGiveTheSameBits) {
  const auto one = make_cpu_kernels(1, GetParam()), three = make_cpu_kernels(3, GetParam());
  const std::vector<Tensor> first = passes(*one, all_sizes[0], DType::f32, DType::f32);
  const std::vector<Tensor> second = passes(*three, all_sizes[0], DType::f32, DType::f32);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(test::same_bits(first[i], second[i])) << "pass " << i;
}

}  // namespace
}  // namespace trireme
