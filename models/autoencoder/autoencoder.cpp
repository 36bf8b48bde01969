#include "models/autoencoder/autoencoder.h"

#include <string>

#include "models/halvings.h"
#include "models/network.h"
#include "runtime/ops/elementwise.h"

namespace trireme::models {

Autoencoder::Autoencoder(const AutoencoderConfig& config) : config_(config) {
  const Halvings halvings = halvings_of(config.size, "autoencoder");
  const Window doubles = nn::square(4, 2, 1);
  const auto width_at = [&](std::int64_t level) { return level == 0 ? config.channels : config.width << (level - 1); };
  for (std::int64_t level = 1; level <= halvings.count; ++level) {
    down_.push_back(std::make_unique<nn::Conv2d>(width_at(level - 1), width_at(level),
                                                 nn::ConvolutionOptions{.window = doubles, .slope = 0.0f}));
    add("down." + std::to_string(level - 1), *down_.back());
  }
  base_ = halvings.base;
  deepest_ = width_at(halvings.count);
  const std::int64_t numbers = base_ * base_ * deepest_;
  mean_ = std::make_unique<nn::Linear>(numbers, config.code);
  add("mean", *mean_);
  if (config.variational) {
    spread_ = std::make_unique<nn::Linear>(numbers, config.code);
    add("spread", *spread_);
  }
  open_ = std::make_unique<nn::Linear>(config.code, numbers, nn::LinearOptions{.activation = Activation::relu});
  add("open", *open_);
  for (std::int64_t level = halvings.count; level >= 1; --level) {
    up_.push_back(std::make_unique<nn::ConvTranspose2d>(
        width_at(level), width_at(level - 1),
        nn::ConvolutionOptions{.window = doubles, .slope = level == 1 ? 1.0f : 0.0f}));
    add("up." + std::to_string(halvings.count - level), *up_.back());
  }
}

Code Autoencoder::encode(Context& cx, const Tensor& images) {
  Tensor y = images;
  for (const auto& layer : down_) y = layer->forward(cx, y);
  y = ops::reshape(cx, y, {images.size(0), y.numel() / images.size(0)});
  return {.mean = mean_->forward(cx, y), .spread = spread_ ? spread_->forward(cx, y) : Tensor{}};
}

Tensor Autoencoder::decode(Context& cx, const Tensor& code) {
  Tensor y = ops::reshape(cx, open_->forward(cx, code), {code.size(0), base_, base_, deepest_});
  for (const auto& layer : up_) y = layer->forward(cx, y);
  return y;
}

double Autoencoder::flops(std::int64_t batch) const {
  Passage image(config_.size, config_.size);
  for (const auto& layer : down_) image.through(*layer);
  const double dense = 2.0 * static_cast<double>(base_ * base_ * deepest_ * config_.code);
  image.add((config_.variational ? 3.0 : 2.0) * dense);
  for (const auto& layer : up_) image.through(*layer);
  return static_cast<double>(batch) * image.total();
}

}  // namespace trireme::models
