#include "models/dcgan/discriminator.h"

#include <string>

#include "models/halvings.h"
#include "runtime/device/timeline.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/gradient_penalty.h"
#include "runtime/ops/pooling.h"

namespace trireme::models {
namespace {

constexpr float leak = 0.2f;

ops::ConvolutionOptions op_options(const nn::Conv2d& layer) {
  return {.window = layer.options().window, .groups = 1, .slope = layer.options().slope};
}

}  // namespace

DcganDiscriminator::DcganDiscriminator(const DcganConfig& config) : config_(config) {
  const Halvings halvings = halvings_of(config.size, "dcgan");
  std::int64_t in = config.channels;
  if (config.classes > 0) {
    label_.emplace(config.classes, config.size * config.size, nn::Init::normal(1.0f));
    add("label", *label_);
    ++in;
  }
  for (std::int64_t level = 0; level <= halvings.count; ++level) {
    const bool last = level == halvings.count, normed = config.batch_norm && level > 0 && !last;
    const std::int64_t out = last ? 1 : config.width << level;
    const std::string number = std::to_string(level);
    Level& added = levels_.emplace_back();
    added.layer = std::make_unique<nn::Conv2d>(
        in, out,
        nn::ConvolutionOptions{.window = last ? nn::square(halvings.base) : nn::square(4, 2, 1),
                               .bias = !config.batch_norm,
                               .slope = last || normed ? 1.0f : leak,
                               .weight = nn::Init::normal(0.02f)});
    add("layers." + number, *added.layer);
    if (config.spectral_norm) {
      added.spectral = std::make_unique<nn::SpectralNorm>(added.layer->weight.shape);
      add("spectral." + number, *added.spectral);
    }
    if (normed) {
      added.norm = std::make_unique<nn::BatchNorm2d>(out, nn::BatchNormOptions{.slope = leak});
      add("norms." + number, *added.norm);
    }
    in = out;
  }
}

Tensor DcganDiscriminator::input(Context& cx, const Tensor& images, const Tensor& labels) {
  if (!label_) return images;
  const Shape plane{images.size(0), config_.size, config_.size, 1};
  return ops::join_channels(cx, images, ops::reshape(cx, label_->forward(cx, labels.view({images.size(0), 1})), plane));
}

std::vector<Tensor> DcganDiscriminator::weights(Context& cx) {
  std::vector<Tensor> all;
  for (const Level& level : levels_) {
    const Tensor weight = level.layer->weight.tensor();
    all.push_back(level.spectral ? level.spectral->forward(cx, weight) : weight);
  }
  return all;
}

Tensor DcganDiscriminator::through(Context& cx, const Tensor& x, const std::vector<Tensor>& weights,
                                   std::vector<Tensor>* results) {
  Tensor y = x;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    nn::Conv2d& layer = *levels_[i].layer;
    {
      const TimeRange range(cx.device, layer.path());
      y = ops::convolution(cx, y, weights[i], layer.options().bias ? layer.bias.tensor() : Tensor{}, op_options(layer));
    }
    if (levels_[i].norm) y = levels_[i].norm->forward(cx, y);
    if (results) results->push_back(y);
  }
  return ops::reshape(cx, y, {x.size(0)});
}

Tensor DcganDiscriminator::forward(Context& cx, const Tensor& images, const Tensor& labels) {
  return through(cx, input(cx, images, labels), weights(cx), nullptr);
}

Tensor DcganDiscriminator::input_gradient(Context& cx, const Tensor& images, const Tensor& labels) {
  require(!config_.batch_norm, "dcgan",
          "expected a discriminator without batch norm, to ask for its slope at a sample");
  const std::vector<Tensor> weight = weights(cx);
  // Where the kinks are is all that the way forward tells; it is not recorded.
  Context looking = cx;
  looking.tape = nullptr;
  const Tensor x = input(looking, images.detached(), labels);
  std::vector<Tensor> results;
  through(looking, x, weight, &results);

  Tensor slope = empty_like(results.back());
  cx.kernels.fill(slope, 1.0f);
  for (std::size_t i = levels_.size(); i-- > 0;) {
    const nn::Conv2d& layer = *levels_[i].layer;
    if (layer.options().slope != 1.0f) slope = ops::slope_gradient(cx, slope, results[i], layer.options().slope);
    const Tensor& from = i > 0 ? results[i - 1] : x;
    slope = ops::transposed_convolution(cx, slope, weight[i], {}, {.window = layer.options().window},
                                        {from.size(1), from.size(2)});
  }
  if (!label_) return slope;
  Tensor counts = empty(cx.device, {slope.size(3)}, slope.dtype());  // the images' channels, not the classes'
  cx.kernels.fill(counts, 1.0f);
  Tensor of_classes = counts.range(counts.numel() - 1, counts.numel());
  cx.kernels.fill(of_classes, 0.0f);
  return ops::multiply(cx, slope, counts);
}

double DcganDiscriminator::forward_flops() const {
  ops::Size image{config_.size, config_.size};
  double total = 0.0;
  for (const Level& level : levels_) {
    total += level.layer->flops(image);
    image = level.layer->out(image);
  }
  return total;
}

double DcganDiscriminator::first_layer_flops() const {
  return levels_.front().layer->flops({config_.size, config_.size});
}

}  // namespace trireme::models
