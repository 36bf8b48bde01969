// Every image layer against PyTorch: results and all gradients (make_image_layer_reference.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "runtime/kernels/backend.h"
#include "runtime/nn/convolution.h"
#include "runtime/nn/flat.h"
#include "runtime/nn/image_norm.h"
#include "runtime/nn/pooling.h"
#include "tests/support/compare.h"

namespace trireme {
namespace {

using test::Values;

const std::map<std::string, Values>& stored() {
  static const std::map<std::string, Values> all = [] {
    std::map<std::string, Values> lines;
    std::ifstream file(IMAGE_LAYER_REFERENCE);
    for (std::string text; std::getline(file, text);) {
      std::istringstream words(text);
      std::string layer, what;
      words >> layer >> what;
      Values& values = lines[layer + " " + what];
      for (double value = 0; words >> value;) values.push_back(value);
    }
    return lines;
  }();
  return all;
}

Values wave(int k, std::int64_t count) {
  Values values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(std::sin(1.7 * k + 0.91 * static_cast<double>(i)));
  return values;
}

class ImageLayers : public testing::TestWithParam<const char*> {
 protected:
  Tensor tensor(const Values& values, const Shape& shape) {
    return test::tensor_of(*backend_.device, values, shape, DType::f32);
  }
  void agrees(const std::string& name, const Tensor& got) {
    ASSERT_TRUE(stored().contains(name)) << name;
    EXPECT_TRUE(test::close(test::values_of(got), stored().at(name), {1e-5, 1e-6})) << name;
  }

  // Layers are filled with waves, in the order of their parameters, and fed a wave.
  template <class Layer>
  void check(const std::string& name, Layer& layer, const Shape& shape, bool training = true) {
    nn::FlatParameters flat(layer, *backend_.device, *backend_.kernels, {});
    flat.initialise(1);
    int k = 0;
    for (nn::Parameter* p : layer.parameters())
      backend_.kernels->cast(p->leaf.value, tensor(wave(++k, p->numel()), p->shape));
    if (!training) {
      int number = 8;
      for (nn::Buffer* b : layer.buffers()) {
        Values values = wave(number, b->shape.numel());
        for (double& value : values) value += number == 9 ? 1.5 : 0.0;
        ++number;
        backend_.kernels->cast(b->value, tensor(values, b->shape));
      }
    }
    flat.begin_step();
    Tape tape(*backend_.device, *backend_.kernels);
    Context cx{*backend_.device, *backend_.kernels, &tape, training};
    cx.samples = shape[0];
    const Tensor x = tape.input(tensor(wave(0, shape.numel()), shape)), y = layer.forward(cx, x);
    agrees(name + " y", y);
    Values fed;
    for (std::int64_t i = 0; i < y.numel(); ++i) fed.push_back(std::cos(0.37 * static_cast<double>(i)));
    tape.backward(y, tensor(fed, y.shape()));
    agrees(name + " dx", tape.take_gradient(x));
    for (nn::Parameter* p : layer.parameters()) agrees(name + " d" + p->name, p->leaf.gradient);
    for (nn::Buffer* b : layer.buffers())
      agrees(name + (b->name == "running_mean" ? " running_mean" : " running_var"), b->value);
  }

 private:
  Backend backend_ = make_backend(GetParam(), 2);
};
INSTANTIATE_TEST_SUITE_P(Backends, ImageLayers, testing::Values("cpu", "reference"),
                         [](const auto& tested) { return std::string(tested.param); });

nn::ConvolutionOptions with(const Window& window, std::int64_t groups = 1, bool bias = true, float slope = 1.0f) {
  return {.window = window, .groups = groups, .bias = bias, .slope = slope};
}

TEST_P(ImageLayers, Convolutions) {
  nn::Conv2d valid(3, 4, with(nn::square(3))), same(3, 5, with(nn::same(3))), even(2, 3, with(nn::same(4)));
  nn::Conv2d stride(3, 4, with(nn::square(3, 2, 1), 1, false)), dilated(2, 3, with(nn::square(3, 1, 2, 2)));
  nn::Conv2d groups(4, 6, with(nn::square(3, 1, 1), 2)), depthwise(5, 5, with(nn::square(3, 1, 1), 5));
  nn::Conv2d one(6, 3, with(nn::square(1))), relu(3, 4, with(nn::square(3, 1, 1), 1, true, 0.0f));
  check("conv_valid", valid, {2, 5, 6, 3});
  check("conv_same", same, {2, 4, 5, 3});
  check("conv_even_same", even, {1, 5, 5, 2});
  check("conv_stride", stride, {2, 7, 6, 3});
  check("conv_dilated", dilated, {1, 6, 7, 2});
  check("conv_groups", groups, {1, 5, 4, 4});
  check("conv_depthwise", depthwise, {2, 4, 4, 5});
  check("conv_one", one, {2, 3, 3, 6});
  check("conv_relu", relu, {1, 4, 4, 3});
}

TEST_P(ImageLayers, TransposedConvolutions) {
  nn::ConvTranspose2d plain(3, 2, with(nn::square(4, 2, 1))), groups(4, 6, with(nn::square(3, 2), 2, false));
  check("transposed", plain, {2, 3, 4, 3});
  check("transposed_groups", groups, {1, 3, 3, 4});
}

TEST_P(ImageLayers, PoolingAndResampling) {
  nn::MaxPool2d largest(nn::square(3, 2, 1));
  nn::AvgPool2d average(nn::square(3, 2, 1));
  nn::AdaptiveAvgPool2d adaptive({2, 3}), global({1, 1});
  nn::Upsample nearest(2, Resampling::nearest), bilinear(2, Resampling::bilinear), thrice(3, Resampling::bilinear);
  check("max_pool", largest, {2, 6, 5, 3});
  check("average_pool", average, {2, 6, 5, 3});
  check("adaptive", adaptive, {2, 5, 7, 3});
  check("global", global, {2, 5, 7, 3});
  check("nearest", nearest, {2, 3, 4, 2});
  check("bilinear", bilinear, {2, 3, 4, 2});
  check("bilinear_three", thrice, {1, 2, 3, 2});
}

TEST_P(ImageLayers, Norms) {
  nn::BatchNorm2d batch(3), leaky(3, {.slope = 0.2f}), evaluation(3);
  nn::GroupNorm group(2, 6);
  nn::InstanceNorm instance(3), affine(3, true);
  check("batch_norm", batch, {2, 4, 5, 3});
  check("batch_norm_leaky", leaky, {2, 4, 5, 3});
  check("batch_norm_evaluation", evaluation, {2, 4, 5, 3}, false);
  check("group_norm", group, {2, 3, 4, 6});
  check("instance_norm", instance, {2, 4, 4, 3});
  check("instance_norm_affine", affine, {2, 4, 4, 3});
}

}  // namespace
}  // namespace trireme
