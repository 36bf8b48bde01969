#include "models/mlp/mlp.h"

#include <string>
#include <utility>

#include "runtime/device/timeline.h"
#include "runtime/ops/loss.h"

namespace trireme::models {
namespace {

// Inputs, hidden widths, classes.
std::vector<std::int64_t> sizes_of(const MlpConfig& config) {
  std::vector<std::int64_t> sizes{config.inputs};
  sizes.insert(sizes.end(), config.hidden.begin(), config.hidden.end());
  sizes.push_back(config.classes);
  return sizes;
}

}  // namespace

Mlp::Mlp(const MlpConfig& config) : Mlp(config, {{.begin = 0, .end = layers_of(config)}}) {}

Mlp::Mlp(const MlpConfig& config, std::vector<MlpPiece> pieces) : config_(config), pieces_(std::move(pieces)) {
  const std::vector<std::int64_t> sizes = sizes_of(config);
  const std::int64_t count = layers_of(config);
  for (const MlpPiece& piece : pieces_) {
    require(piece.begin >= 0 && piece.begin < piece.end && piece.end <= count, "mlp",
            "expected a piece of the layers below", count, "found", piece.begin, "to", piece.end);
    for (std::int64_t number = piece.begin; number < piece.end; ++number) {
      const bool last = number + 1 == count;
      const auto at = static_cast<std::size_t>(number);
      const std::string name = "layers." + std::to_string(number);
      layers.push_back(std::make_unique<nn::Linear>(
          sizes[at], sizes[at + 1],
          nn::LinearOptions{.weight = config.init, .activation = last ? Activation::identity : config.activation}));
      add(name, *layers.back());
      dropouts.push_back(last ? nullptr : std::make_unique<nn::Dropout>(config.dropout));
      if (!last) add(name + ".dropout", *dropouts.back());
      numbers.push_back(number);
    }
  }
}

std::size_t Mlp::first_of(int index) const {
  std::int64_t first = 0;
  for (int before = 0; before < index; ++before) {
    const MlpPiece& piece = pieces_[static_cast<std::size_t>(before)];
    first += piece.end - piece.begin;
  }
  return static_cast<std::size_t>(first);
}

std::int64_t Mlp::input_width(int piece) const {
  return layers[first_of(piece)]->weight.shape[1];
}

std::int64_t Mlp::output_width(int piece) const {
  return layers[first_of(piece + 1) - 1]->weight.shape[0];
}

Tensor Mlp::run_layer(Context& cx, std::size_t layer, const Tensor& x) {
  const Tensor y = layers[layer]->forward(cx, x);
  return dropouts[layer] ? dropouts[layer]->forward(cx, y) : y;
}

Tensor Mlp::forward(Context& cx, int index, const Tensor& x) {
  const std::size_t end = first_of(index + 1);
  Tensor y = x;
  for (std::size_t layer = first_of(index); layer < end; ++layer) y = run_layer(cx, layer, y);
  return y;
}

Tensor Mlp::logits(Context& cx, const Tensor& x) {
  Tensor y = x;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) y = run_layer(cx, layer, y);
  return y;
}

Tensor Mlp::loss(Context& cx, const Tensor& x, const Tensor& labels) {
  const Tensor y = logits(cx, x);
  const TimeRange range(cx.device, "loss");
  return ops::cross_entropy(cx, y, labels);
}

double Mlp::flops(std::int64_t batch) const {
  const std::vector<std::int64_t> sizes = sizes_of(config_);
  double total = 0.0;
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    const auto products = static_cast<double>(sizes[i] * sizes[i + 1]);
    total += (i == 0 ? 4.0 : 6.0) * static_cast<double>(batch) * products;
  }
  return total;
}

}  // namespace trireme::models
