#include "models/resnet/resnet.h"

#include <string>

namespace trireme::models {
namespace {

std::array<int, 4> blocks_of(std::int64_t depth) {
  if (depth == 18) return {2, 2, 2, 2};
  if (depth == 34 || depth == 50) return {3, 4, 6, 3};
  fail("resnet", "expected a depth of 18, 34 or 50, found", depth);
}

bool has_bottlenecks(const ResNetConfig& config) {
  return config.depth >= 50;
}

}  // namespace

NormedConvolution::NormedConvolution(const Options& options)
    : conv(options.in, options.out,
           {.window = nn::square(options.filter, options.stride, options.filter / 2),
            .bias = false,
            .weight = {nn::Init::Kind::he_normal, 1.0f}}),
      norm(options.out, {.slope = options.slope}) {
  add("conv", conv);
  add("norm", norm);
}

Tensor NormedConvolution::forward(Context& cx, const Tensor& x, const Tensor& residual) {
  return norm.forward(cx, conv.forward(cx, x), residual);
}

// The last norm adds the residual, and its ReLU is the block's.
ResidualBlock::ResidualBlock(const Options& options) {
  const std::int64_t in = options.in, width = options.width, out = options.out(), stride = options.stride;
  std::vector<NormedConvolution::Options> layers;
  if (options.bottleneck)
    layers = {{in, width, 1, 1, 0.0f}, {width, width, 3, stride, 0.0f}, {width, out, 1, 1, 0.0f}};
  else
    layers = {{in, width, 3, stride, 0.0f}, {width, out, 3, 1, 0.0f}};
  for (const auto& layer : layers) {
    main_.push_back(std::make_unique<NormedConvolution>(layer));
    add("main." + std::to_string(main_.size() - 1), *main_.back());
  }
  if (stride == 1 && in == out) return;
  shortcut_ = std::make_unique<NormedConvolution>(NormedConvolution::Options{in, out, 1, stride, 1.0f});
  add("shortcut", *shortcut_);
}

Tensor ResidualBlock::forward(Context& cx, const Tensor& x) {
  const Tensor residual = shortcut_ ? shortcut_->forward(cx, x) : x;
  Tensor y = x;
  for (std::size_t i = 0; i + 1 < main_.size(); ++i) y = main_[i]->forward(cx, y);
  return main_.back()->forward(cx, y, residual);
}

void ResidualBlock::pass(Passage& image) const {
  if (shortcut_) image.add(shortcut_->conv.flops({image.height, image.width}));
  for (const auto& layer : main_) image.through(layer->conv);
}

ResNet::ResNet(const ResNetConfig& config)
    : config_(config),
      stem_(config.small ? NormedConvolution::Options{config.channels, 64, 3, 1, 0.0f}
                         : NormedConvolution::Options{config.channels, 64, 7, 2, 0.0f}),
      pool_(nn::square(3, 2, 1)),
      average_({1, 1}),
      head_(has_bottlenecks(config) ? 2048 : 512, config.classes) {
  require(config.size >= 8, "resnet", "expected images of 8 pixels a side or more, found", config.size);
  add("stem", stem_);
  const std::array<int, 4> counts = blocks_of(config.depth);
  std::int64_t in = 64;
  for (std::size_t stage = 0; stage < counts.size(); ++stage)
    for (int i = 0; i < counts[stage]; ++i) {
      const ResidualBlock::Options options{.in = in,
                                           .width = std::int64_t{64} << stage,
                                           .stride = stage > 0 && i == 0 ? 2 : 1,
                                           .bottleneck = has_bottlenecks(config)};
      blocks_.push_back(std::make_unique<ResidualBlock>(options));
      add("stages." + std::to_string(stage) + "." + std::to_string(i), *blocks_.back());
      in = options.out();
    }
  add("head", head_);
}

Tensor ResNet::logits(Context& cx, const Tensor& x) {
  Tensor y = stem_.forward(cx, x);
  if (!config_.small) y = pool_.forward(cx, y);
  for (const auto& block : blocks_) y = block->forward(cx, y);
  return head_.forward(cx, flatten_.forward(cx, average_.forward(cx, y)));
}

double ResNet::flops(std::int64_t batch) const {
  Passage image(config_.size, config_.size);
  image.through(stem_.conv);
  if (!config_.small) {
    const Side pool = nn::square(3, 2, 1).height;
    image.height = pool.out(image.height), image.width = pool.out(image.width);
  }
  for (const auto& block : blocks_) block->pass(image);
  image.add(2.0 * static_cast<double>(head_.weight.numel()));
  return static_cast<double>(batch) * image.total();
}

}  // namespace trireme::models
