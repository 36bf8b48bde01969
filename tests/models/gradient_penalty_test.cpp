// The gradient of a gradient penalty against central differences in double: a critic is written down once more, with
// loops, in double, and so is the gradient of what it finds with respect to its images.
#include <gtest/gtest.h>

#include <cmath>

#include "models/dcgan/discriminator.h"
#include "runtime/kernels/backend.h"
#include "runtime/nn/flat.h"
#include "runtime/ops/gradient_penalty.h"
#include "tests/support/compare.h"
#include "tests/support/random_tensors.h"

namespace trireme {
namespace {

constexpr std::int64_t samples = 2;
constexpr double leak = 0.2;

struct Plane {  // (H, W, C)
  std::int64_t size = 0, channels = 0;
  std::vector<double> values;

  Plane(std::int64_t side, std::int64_t depth)
      : size(side), channels(depth), values(static_cast<std::size_t>(side * side * depth), 0.0) {}
  double& at(std::int64_t y, std::int64_t x, std::int64_t c) {
    return values[static_cast<std::size_t>((y * size + x) * channels + c)];
  }
};

struct Layer {
  std::int64_t in = 0, out = 0, filter = 4, stride = 2, padding = 1;
  std::vector<double> weight, bias;  // (out, filter, filter, in)

  double& w(std::int64_t o, std::int64_t r, std::int64_t s, std::int64_t i) {
    return weight[static_cast<std::size_t>(((o * filter + r) * filter + s) * in + i)];
  }
  // what(output, input, weight) for each product.
  template <class What>
  void products(std::int64_t size, What what) {
    const std::int64_t outs = (size + 2 * padding - filter) / stride + 1;
    for (std::int64_t p = 0; p < outs; ++p)
      for (std::int64_t q = 0; q < outs; ++q)
        for (std::int64_t r = 0; r < filter; ++r)
          for (std::int64_t s = 0; s < filter; ++s) {
            const std::int64_t y = p * stride + r - padding, x = q * stride + s - padding;
            if (y < 0 || x < 0 || y >= size || x >= size) continue;
            for (std::int64_t o = 0; o < out; ++o)
              for (std::int64_t i = 0; i < in; ++i) what(p, q, o, y, x, i, w(o, r, s, i));
          }
  }
};

// The squared length of the gradient of the critic's answer at one image.
double slope_squared(std::vector<Layer>& layers, const Plane& image) {
  std::vector<Plane> results{image};
  for (std::size_t l = 0; l < layers.size(); ++l) {
    Layer& layer = layers[l];
    Plane& x = results.back();
    Plane y((x.size + 2 * layer.padding - layer.filter) / layer.stride + 1, layer.out);
    for (std::int64_t i = 0; i < y.size * y.size * y.channels; ++i)
      y.values[static_cast<std::size_t>(i)] = layer.bias[static_cast<std::size_t>(i % y.channels)];
    layer.products(x.size, [&](auto p, auto q, auto o, auto at_y, auto at_x, auto i, double w) {
      y.at(p, q, o) += w * x.at(at_y, at_x, i);
    });
    if (l + 1 < layers.size())
      for (double& value : y.values) value = value > 0 ? value : leak * value;
    results.push_back(y);
  }
  Plane slope(1, 1);
  slope.at(0, 0, 0) = 1.0;
  for (std::size_t l = layers.size(); l-- > 0;) {
    if (l + 1 < layers.size())
      for (std::size_t i = 0; i < slope.values.size(); ++i)
        if (results[l + 1].values[i] <= 0) slope.values[i] *= leak;
    Plane back(results[l].size, results[l].channels);
    layers[l].products(back.size, [&](auto p, auto q, auto o, auto at_y, auto at_x, auto i, double w) {
      back.at(at_y, at_x, i) += w * slope.at(p, q, o);
    });
    slope = back;
  }
  double total = 0;
  for (const double value : slope.values) total += value * value;
  return total;
}

double penalty(std::vector<Layer>& layers, const std::vector<Plane>& images) {
  double total = 0;
  for (const Plane& image : images) total += std::pow(std::sqrt(slope_squared(layers, image)) - 1.0, 2);
  return total / static_cast<double>(images.size());
}

struct Fixture {
  models::DcganConfig config{.size = 8, .channels = 2, .noise = 1, .width = 3, .batch_norm = false};
  Backend backend = make_backend("reference", 1);
  models::DcganDiscriminator critic{config};
  nn::FlatParameters parameters{critic, *backend.device, *backend.kernels, {}};
  Tensor images;

  Fixture() {
    parameters.initialise(3);
    for (nn::Parameter* p : critic.parameters()) {  // slopes about 1, biases that matter
      Tensor value = p->leaf.value;
      backend.kernels->random(value, {.b = 0.3f, .key = {5, hash_name(p->name)}});
    }
    images = test::random_tensor(*backend.device, {samples, config.size, config.size, config.channels}, DType::f32, 4);
  }
  std::vector<Layer> layers() {
    const std::vector<nn::Parameter*> all = critic.parameters();
    std::vector<Layer> result;
    for (std::size_t i = 0; i < all.size(); i += 2) {
      const bool last = i + 2 == all.size();
      const Shape& shape = all[i]->shape;
      result.push_back({.in = shape[3],
                        .out = shape[0],
                        .stride = last ? 1 : 2,
                        .padding = last ? 0 : 1,
                        .weight = test::values_of(all[i]->leaf.value),
                        .bias = test::values_of(all[i + 1]->leaf.value)});
    }
    return result;
  }
  std::vector<Plane> planes() {
    const test::Values values = test::values_of(images);
    std::vector<Plane> result;
    for (std::int64_t n = 0; n < samples; ++n) {
      Plane plane(config.size, config.channels);
      const auto count = static_cast<std::int64_t>(plane.values.size());
      std::copy_n(values.begin() + n * count, count, plane.values.begin());
      result.push_back(plane);
    }
    return result;
  }
};

TEST(GradientPenalty, HasTheGradientOfCentralDifferencesInDouble) {
  Fixture f;
  std::vector<Layer> layers = f.layers();
  const std::vector<Plane> planes = f.planes();
  Tape tape(*f.backend.device, *f.backend.kernels);
  Context cx{*f.backend.device, *f.backend.kernels, &tape, true};
  cx.samples = samples;
  f.parameters.begin_step();
  const Tensor found = ops::gradient_penalty(cx, f.critic.input_gradient(cx, f.images));
  EXPECT_NEAR(to_floats(found)[0], penalty(layers, planes), 1e-5 * penalty(layers, planes));
  tape.backward(found, 1.0f);
  f.parameters.zero_untouched();

  constexpr double step = 1e-6;
  const std::vector<nn::Parameter*> all = f.critic.parameters();
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<double>& values = i % 2 == 0 ? layers[i / 2].weight : layers[i / 2].bias;
    test::Values expected;
    for (double& value : values) {
      const double before = value;
      value = before + step;
      const double above = penalty(layers, planes);
      value = before - step;
      expected.push_back((above - penalty(layers, planes)) / (2 * step));
      value = before;
    }
    if (i % 2 == 1) {  // a bias moves kinks alone
      for (const double slope : expected) EXPECT_EQ(slope, 0.0) << all[i]->name;
    } else {
      EXPECT_GT(test::root_mean_square(expected), 1e-3) << all[i]->name;
    }
    EXPECT_TRUE(test::close(test::values_of(all[i]->leaf.gradient), expected, {1e-5, 1e-6})) << all[i]->name;
  }
}

TEST(GradientPenalty, NeedsEachSampleByItself) {
  models::DcganConfig config = Fixture().config;
  config.batch_norm = true;
  Backend backend = make_backend("reference", 1);
  models::DcganDiscriminator critic(config);
  nn::FlatParameters parameters(critic, *backend.device, *backend.kernels, {});
  Context cx{*backend.device, *backend.kernels, nullptr, true};
  EXPECT_THROW(critic.input_gradient(cx, Fixture().images), Error);
}

TEST(GradientPenalty, OfNoSlopeIsOne) {
  Backend backend = make_backend("cpu", 1);
  Tape tape(*backend.device, *backend.kernels);
  Context cx{*backend.device, *backend.kernels, &tape};
  Tensor zeros = empty(*backend.device, {2, 3}, DType::f32);
  backend.kernels->fill(zeros, 0.0f);
  const Tensor slopes = tape.input(zeros), found = ops::gradient_penalty(cx, slopes);
  EXPECT_EQ(to_floats(found)[0], 1.0f);
  tape.backward(found, 1.0f);
  EXPECT_EQ(to_floats(tape.take_gradient(slopes)), std::vector<float>(6, 0.0f));
}

}  // namespace
}  // namespace trireme
