#include "models/unet/unet.h"

#include <string>

namespace trireme::models {
namespace {

nn::ConvolutionOptions three_by_three() {
  return {.window = nn::same(3), .bias = false, .weight = {nn::Init::Kind::he_normal, 1.0f}};
}

}  // namespace

DoubleConvolution::DoubleConvolution(std::int64_t in, std::int64_t out)
    : conv_1(in, out, three_by_three()),
      norm_1(out, {.slope = 0.0f}),
      conv_2(out, out, three_by_three()),
      norm_2(out, {.slope = 0.0f}) {
  add("conv_1", conv_1);
  add("norm_1", norm_1);
  add("conv_2", conv_2);
  add("norm_2", norm_2);
}

Tensor DoubleConvolution::forward(Context& cx, const Tensor& x) {
  const Tensor y = norm_1.forward(cx, conv_1.forward(cx, x));
  return norm_2.forward(cx, conv_2.forward(cx, y));
}

UNet::UNet(const UNetConfig& config)
    : config_(config), pool_(nn::square(2, 2)), head_(config.width, config.classes, {.window = nn::square(1)}) {
  require(config.levels >= 1 && config.levels <= 10, "unet", "expected 1 to 10 levels, found", config.levels);
  require(config.size > 0 && config.size % (std::int64_t{1} << config.levels) == 0, "unet",
          "expected a size that can be halved", config.levels, "times, found", config.size);
  std::int64_t in = config.channels;
  for (std::int64_t level = 0; level <= config.levels; ++level) {
    down_.push_back(std::make_unique<DoubleConvolution>(in, config.width << level));
    add("down." + std::to_string(level), *down_.back());
    in = config.width << level;
  }
  for (std::int64_t level = config.levels - 1; level >= 0; --level) {
    const std::int64_t out = config.width << level;
    grow_.push_back(
        std::make_unique<nn::ConvTranspose2d>(2 * out, out, nn::ConvolutionOptions{.window = nn::square(2, 2)}));
    add("grow." + std::to_string(level), *grow_.back());
    up_.push_back(std::make_unique<DoubleConvolution>(2 * out, out));
    add("up." + std::to_string(level), *up_.back());
  }
  add("head", head_);
}

Tensor UNet::logits(Context& cx, const Tensor& x) {
  std::vector<Tensor> kept;
  Tensor y = down_[0]->forward(cx, x);
  for (std::size_t level = 1; level < down_.size(); ++level) {
    kept.push_back(y);
    y = down_[level]->forward(cx, pool_.forward(cx, y));
  }
  for (std::size_t i = 0; i < up_.size(); ++i) {
    y = up_[i]->forward(cx, ops::join_channels(cx, kept.back(), grow_[i]->forward(cx, y)));
    kept.pop_back();
  }
  return head_.forward(cx, y);
}

double UNet::flops(std::int64_t batch) const {
  Passage image(config_.size, config_.size);
  const auto twice = [&](const DoubleConvolution& block) {
    image.through(block.conv_1);
    image.through(block.conv_2);
  };
  for (std::size_t level = 0; level < down_.size(); ++level) {
    if (level > 0) image.height /= 2, image.width /= 2;
    twice(*down_[level]);
  }
  for (std::size_t i = 0; i < up_.size(); ++i) {
    image.through(*grow_[i]);
    twice(*up_[i]);
  }
  image.through(head_);
  return static_cast<double>(batch) * image.total();
}

}  // namespace trireme::models
