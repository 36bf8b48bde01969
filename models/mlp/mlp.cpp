#include "models/mlp/mlp.h"

#include <string>

#include "runtime/device/timeline.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/loss.h"

namespace trireme::models {

Mlp::Mlp(const MlpConfig& config) : config_(config) {
  std::vector<std::int64_t> sizes{config.inputs};
  sizes.insert(sizes.end(), config.hidden.begin(), config.hidden.end());
  sizes.push_back(config.classes);
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    const bool last = i + 2 == sizes.size();
    layers_.push_back(std::make_unique<nn::Linear>(
        sizes[i], sizes[i + 1],
        nn::LinearOptions{.weight = config.init, .activation = last ? Activation::identity : config.activation}));
    add("layers." + std::to_string(i), *layers_.back());
  }
}

Tensor Mlp::logits(Context& cx, const Tensor& x) {
  Tensor y = x;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    y = layers_[i]->forward(cx, y);
    if (i + 1 < layers_.size()) y = ops::dropout(cx, y, config_.dropout, layers_[i]->path() + ".dropout");
  }
  return y;
}

Tensor Mlp::loss(Context& cx, const Tensor& x, const Tensor& labels) {
  const Tensor y = logits(cx, x);
  const TimeRange range(cx.device, "loss");
  return ops::cross_entropy(cx, y, labels);
}

double Mlp::flops(std::int64_t batch) const {
  double total = 0.0;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto products = static_cast<double>(layers_[i]->weight.numel());
    total += (i == 0 ? 4.0 : 6.0) * static_cast<double>(batch) * products;
  }
  return total;
}

}  // namespace trireme::models
