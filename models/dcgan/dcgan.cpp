#include "models/dcgan/dcgan.h"

#include <string>

#include "runtime/ops/elementwise.h"

namespace trireme::models {
namespace {

constexpr float leak = 0.2f;

// How often images are halved until they are 4 x 4.
std::int64_t halvings(const DcganConfig& config) {
  std::int64_t count = 0, size = 4;
  while (size < config.size) size *= 2, ++count;
  require(size == config.size && count >= 1, "dcgan", "expected a size of 4 times a power of two, at least 8, found",
          config.size);
  return count;
}

nn::ConvolutionOptions layer(const Window& window, float slope = 1.0f) {
  return {.window = window, .bias = false, .slope = slope, .weight = nn::Init::normal(0.02f)};
}

const Window ends = nn::square(4), halves = nn::square(4, 2, 1);

}  // namespace

DcganGenerator::DcganGenerator(const DcganConfig& config) {
  const std::int64_t count = halvings(config);
  std::int64_t in = config.noise;
  for (std::int64_t level = count; level >= 0; --level) {
    const std::int64_t out = level == 0 ? config.channels : config.width << (level - 1);
    layers_.push_back(std::make_unique<nn::ConvTranspose2d>(in, out, layer(level == count ? ends : halves)));
    add("layers." + std::to_string(count - level), *layers_.back());
    if (level > 0) {
      norms_.push_back(std::make_unique<nn::BatchNorm2d>(out, nn::BatchNormOptions{.slope = 0.0f}));
      add("norms." + std::to_string(count - level), *norms_.back());
    }
    in = out;
  }
}

Tensor DcganGenerator::forward(Context& cx, const Tensor& noise) {
  Tensor y = noise;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    y = layers_[i]->forward(cx, y);
    if (i < norms_.size()) y = norms_[i]->forward(cx, y);
  }
  return ops::activate(cx, y, Activation::tanh);
}

double DcganGenerator::forward_flops() const {
  ops::Size image{1, 1};
  double total = 0.0;
  for (const auto& layer : layers_) {
    total += layer->flops(image);
    image = layer->out(image);
  }
  return total;
}

double DcganGenerator::first_layer_flops() const {
  return layers_.front()->flops({1, 1});
}

DcganDiscriminator::DcganDiscriminator(const DcganConfig& config) : config_(config) {
  const std::int64_t count = halvings(config);
  std::int64_t in = config.channels;
  for (std::int64_t level = 0; level <= count; ++level) {
    const bool first = level == 0, last = level == count;
    const std::int64_t out = last ? 1 : config.width << level;
    layers_.push_back(std::make_unique<nn::Conv2d>(in, out, layer(last ? ends : halves, first ? leak : 1.0f)));
    add("layers." + std::to_string(level), *layers_.back());
    if (!first && !last) {
      norms_.push_back(std::make_unique<nn::BatchNorm2d>(out, nn::BatchNormOptions{.slope = leak}));
      add("norms." + std::to_string(level), *norms_.back());
    }
    in = out;
  }
}

Tensor DcganDiscriminator::forward(Context& cx, const Tensor& images) {
  Tensor y = images;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    y = layers_[i]->forward(cx, y);
    if (i > 0 && i + 1 < layers_.size()) y = norms_[i - 1]->forward(cx, y);
  }
  return ops::reshape(cx, y, {images.size(0)});
}

double DcganDiscriminator::forward_flops() const {
  ops::Size image{config_.size, config_.size};
  double total = 0.0;
  for (const auto& layer : layers_) {
    total += layer->flops(image);
    image = layer->out(image);
  }
  return total;
}

double DcganDiscriminator::first_layer_flops() const {
  return layers_.front()->flops({config_.size, config_.size});
}

}  // namespace trireme::models
