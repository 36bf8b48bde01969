#include "models/dcgan/dcgan.h"

#include <string>

#include "models/halvings.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/pooling.h"

namespace trireme::models {
namespace {

nn::ConvolutionOptions layer(const Window& window) {
  return {.window = window, .bias = false, .weight = nn::Init::normal(0.02f)};
}

}  // namespace

DcganGenerator::DcganGenerator(const DcganConfig& config) : config_(config) {
  const Halvings halvings = halvings_of(config.size, "dcgan");
  const Window first = nn::square(halvings.base), doubles = nn::square(4, 2, 1);
  std::int64_t in = config.noise;
  if (config.classes > 0) {
    label_.emplace(config.classes, config.noise, nn::Init::normal(1.0f));
    add("label", *label_);
    in *= 2;
  }
  for (std::int64_t level = halvings.count; level >= 0; --level) {
    const std::int64_t out = level == 0 ? config.channels : config.width << (level - 1);
    layers_.push_back(std::make_unique<nn::ConvTranspose2d>(in, out, layer(level == halvings.count ? first : doubles)));
    add("layers." + std::to_string(halvings.count - level), *layers_.back());
    if (level > 0) {
      norms_.push_back(std::make_unique<nn::BatchNorm2d>(out, nn::BatchNormOptions{.slope = 0.0f}));
      add("norms." + std::to_string(halvings.count - level), *norms_.back());
    }
    in = out;
  }
}

Tensor DcganGenerator::forward(Context& cx, const Tensor& noise, const Tensor& labels) {
  Tensor y = noise;
  if (label_) {
    const Tensor of_class = ops::reshape(cx, label_->forward(cx, labels.view({noise.size(0), 1})), noise.shape());
    y = ops::join_channels(cx, noise, of_class);
  }
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

}  // namespace trireme::models
