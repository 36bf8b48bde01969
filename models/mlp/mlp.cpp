#include "models/mlp/mlp.h"

#include <string>

#include "runtime/device/timeline.h"
#include "runtime/ops/loss.h"

namespace trireme::models {

Mlp::Mlp(const MlpConfig& config) : config_(config) {
  std::vector<std::int64_t> sizes{config.inputs};
  sizes.insert(sizes.end(), config.hidden.begin(), config.hidden.end());
  sizes.push_back(config.classes);
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    const bool last = i + 2 == sizes.size();
    layers.push_back(std::make_unique<nn::Linear>(
        sizes[i], sizes[i + 1],
        nn::LinearOptions{.weight = config.init, .activation = last ? Activation::identity : config.activation}));
    add("layers." + std::to_string(i), *layers.back());
    if (last) continue;
    dropouts.push_back(std::make_unique<nn::Dropout>(config.dropout));
    add("layers." + std::to_string(i) + ".dropout", *dropouts.back());
  }
}

Tensor Mlp::logits(Context& cx, const Tensor& x) {
  Tensor y = x;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    y = layers[i]->forward(cx, y);
    if (i < dropouts.size()) y = dropouts[i]->forward(cx, y);
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
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto products = static_cast<double>(layers[i]->weight.numel());
    total += (i == 0 ? 4.0 : 6.0) * static_cast<double>(batch) * products;
  }
  return total;
}

}  // namespace trireme::models
