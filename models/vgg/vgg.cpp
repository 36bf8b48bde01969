#include "models/vgg/vgg.h"

#include <algorithm>
#include <string>

namespace trireme::models {
namespace {

constexpr int layers_of_stage[] = {2, 2, 3, 3, 3};
constexpr std::int64_t side = 7;  // of what the classifier sees

std::int64_t filters(const VggConfig& config, std::size_t stage) {
  return config.width * std::min<std::int64_t>(8, std::int64_t{1} << stage);
}

nn::LinearOptions hidden() {
  return {.activation = Activation::relu};
}

}  // namespace

Vgg::Vgg(const VggConfig& config)
    : config_(config),
      features_(filters(config, 4)),
      pool_(nn::square(2, 2)),
      average_({side, side}),
      fc_1_(side * side * features_, config.hidden, hidden()),
      fc_2_(config.hidden, config.hidden, hidden()),
      fc_3_(config.hidden, config.classes),
      dropout_1_(config.dropout),
      dropout_2_(config.dropout) {
  require(config.size >= 32, "vgg", "expected images of 32 pixels a side or more, found", config.size);
  std::int64_t in = config.channels;
  for (std::size_t stage = 0; stage < 5; ++stage) {
    auto& layers = stages_.emplace_back();
    for (int i = 0; i < layers_of_stage[stage]; ++i) {
      layers.push_back(std::make_unique<nn::Conv2d>(
          in, filters(config, stage),
          nn::ConvolutionOptions{.window = nn::same(3), .slope = 0.0f, .weight = {nn::Init::Kind::he_normal, 1.0f}}));
      add("stages." + std::to_string(stage) + "." + std::to_string(i), *layers.back());
      in = filters(config, stage);
    }
  }
  add("fc_1", fc_1_);
  add("dropout_1", dropout_1_);
  add("fc_2", fc_2_);
  add("dropout_2", dropout_2_);
  add("fc_3", fc_3_);
}

Tensor Vgg::logits(Context& cx, const Tensor& x) {
  Tensor y = x;
  for (const auto& layers : stages_) {
    for (const auto& layer : layers) y = layer->forward(cx, y);
    y = pool_.forward(cx, y);
  }
  if (y.size(1) != side || y.size(2) != side) y = average_.forward(cx, y);
  y = dropout_1_.forward(cx, fc_1_.forward(cx, flatten_.forward(cx, y)));
  return fc_3_.forward(cx, dropout_2_.forward(cx, fc_2_.forward(cx, y)));
}

double Vgg::flops(std::int64_t batch) const {
  Passage image(config_.size, config_.size);
  for (const auto& layers : stages_) {
    for (const auto& layer : layers) image.through(*layer);
    image.height /= 2, image.width /= 2;
  }
  for (const nn::Linear* layer : {&fc_1_, &fc_2_, &fc_3_}) image.add(2.0 * static_cast<double>(layer->weight.numel()));
  return static_cast<double>(batch) * image.total();
}

}  // namespace trireme::models
