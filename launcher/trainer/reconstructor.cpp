#include "launcher/trainer/reconstructor.h"

#include <algorithm>
#include <cmath>

#include "runtime/metrics/reconstruction.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/loss.h"

namespace trireme::launcher {
namespace {

Tensor numbers_of(Device& device, Kernels& kernels, const Shape& shape, const RandomFill& how) {
  Tensor tensor = empty(device, shape, DType::f32);
  kernels.random(tensor, how);
  return tensor;
}

}  // namespace

// 2 sigmoid(spread)
Tensor Reconstructor::deviation(Context& cx, const Tensor& spread) const {
  return ops::scale(cx, ops::activate(cx, spread, Activation::sigmoid), 2.0f);
}

Reconstructor::Found Reconstructor::look(Context& cx, const data::Batch& batch) {
  const models::AutoencoderConfig& config = network_.config();
  Tensor x = batch["images"];
  const Shape expected{x.size(0), config.size, config.size, config.channels};
  require(x.shape() == expected, "model.autoencoder", "expected images", expected, "found", x.shape());
  // Dropout makes up for what it drops; a blanked picture is to stay as bright as it was.
  if (rule_.masked > 0.0f && cx.training)
    x = ops::scale(cx, ops::dropout(cx, x, rule_.masked, "masked pixels"), 1.0f - rule_.masked);
  models::Code code = network_.encode(cx, ops::cast(cx, x, compute_));
  code.mean = ops::cast(cx, code.mean, DType::f32);
  Tensor drawn = code.mean;
  if (code.spread) {
    code.spread = ops::cast(cx, code.spread, DType::f32);
    const Tensor noise = numbers_of(cx.device, cx.kernels, drawn.shape(),
                                    {.key = {seed_, hash_name("codes")}, .first = batch.first_sample * config.code});
    drawn = ops::add(cx, drawn, ops::multiply(cx, deviation(cx, code.spread), noise));
  }
  const Tensor logits = network_.decode(cx, ops::cast(cx, drawn, compute_));
  return {code, ops::cast(cx, logits, DType::f32)};
}

// The divergence of N(m, s^2) from N(0, 1) is (m^2 + s^2 - 1) / 2 - log s, and with s = 2 sigmoid(t), -log s is the
// binary cross entropy of t against 1, less log 2.
Tensor Reconstructor::loss(Context& cx, const data::Batch& batch) {
  const Found found = look(cx, batch);
  const auto sum_of = [&](const Tensor& mean, const Tensor& of) {  // over the numbers of a sample
    return ops::scale(cx, mean, static_cast<float>(of.numel() / of.size(0)));
  };
  Tensor loss = sum_of(ops::pointwise_loss(cx, found.logits, batch["images"], PointwiseLoss::bce_logits), found.logits);
  const Tensor &mean = found.code.mean, &spread = found.code.spread;
  if (!spread || rule_.beta == 0.0f) return loss;
  Tensor ones = empty_like(spread);
  cx.kernels.fill(ones, 1.0f);
  const Tensor s = deviation(cx, spread);
  const Tensor logs = ops::pointwise_loss(cx, spread, ones, PointwiseLoss::bce_logits);
  const Tensor squares = ops::mean(cx, ops::add(cx, ops::multiply(cx, mean, mean), ops::multiply(cx, s, s)));
  const Tensor divergence = sum_of(ops::add(cx, logs, ops::scale(cx, squares, 0.5f)), spread);
  Tensor constant = empty_like(divergence);
  cx.kernels.fill(constant, -static_cast<float>(spread.size(1)) * (0.5f + std::log(2.0f)));
  return ops::add(cx, loss, ops::scale(cx, ops::add(cx, divergence, constant), rule_.beta));
}

data::Batch Reconstructor::blank_batch(Device& device, std::int64_t samples) const {
  const models::AutoencoderConfig& config = network_.config();
  data::Batch batch;
  batch.tensors["images"] = empty(device, {samples, config.size, config.size, config.channels}, DType::f32);
  return batch;
}

std::int64_t Reconstructor::record_width() const {
  return metrics::reconstruction_width;
}

Tensor Reconstructor::measure(Context& cx, const data::Batch& batch, std::vector<double>& records) {
  const Found found = look(cx, batch);
  std::vector<std::int32_t> labels;
  if (rule_.anomalous >= 0) labels = to_host<std::int32_t>(batch["labels"]);
  const std::size_t first = records.size();
  metrics::add_reconstructed(
      records, {.logits = to_floats(found.logits),
                .images = to_floats(batch["images"]),
                .means = found.code.spread ? to_floats(found.code.mean) : std::vector<float>{},
                .deviations = found.code.spread ? to_floats(deviation(cx, found.code.spread)) : std::vector<float>{},
                .labels = labels,
                .samples = batch["images"].size(0),
                .anomalous = static_cast<std::int32_t>(rule_.anomalous)});
  double total = 0.0;
  for (std::size_t i = first; i < records.size(); i += metrics::reconstruction_width)
    total += records[i] + static_cast<double>(rule_.beta) * records[i + 1];
  const std::vector<float> mean{static_cast<float>(total / static_cast<double>(batch["images"].size(0)))};
  return from_host<float>(cx.device, mean, {});
}

metrics::Measures Reconstructor::measures(std::span<const double> records, double) const {
  return metrics::reconstruction_measures(records, network_.config().variational, rule_.anomalous >= 0);
}

Tensor Reconstructor::draw(Backend& backend, const DrawingOptions& options) {
  constexpr std::int64_t at_a_time = 64;
  const models::AutoencoderConfig& config = network_.config();
  require(config.variational, "generate", "expected model.autoencoder.variational: true, to draw codes");
  Tensor images = empty(*backend.device, {options.count, config.size, config.size, config.channels}, DType::f32);
  for (std::int64_t first = 0; first < options.count; first += at_a_time) {
    Context cx{*backend.device, *backend.kernels};
    cx.samples = std::min(at_a_time, options.count - first);
    const Tensor code = numbers_of(cx.device, cx.kernels, {cx.samples, config.code},
                                   {.key = {options.seed, hash_name("pictures")}, .first = first * config.code});
    Tensor place = images.rows(first, first + cx.samples);
    const Tensor logits = ops::cast(cx, network_.decode(cx, ops::cast(cx, code, compute_)), DType::f32);
    cx.kernels.activate(place, logits, Activation::sigmoid);
  }
  return images;
}

}  // namespace trireme::launcher
