#include "launcher/trainer/player.h"

#include <cmath>

namespace trireme::launcher {
namespace {

nn::FlatOptions flat_options(Backend& backend, const parallel::Axis& data, const PlayerOptions& options) {
  nn::FlatOptions flat;
  flat.compute = options.compute;
  if (data.size() > 1) {
    flat.gradient_memory = [&backend, &data](std::int64_t bytes) {
      return data.communication().allocate(*backend.device, bytes, MemoryKind::gradients);
    };
  }
  return flat;
}

}  // namespace

Player::Player(nn::Module& module, Backend& backend, const parallel::Axis& data, const PlayerOptions& options)
    : parameters(module, *backend.device, *backend.kernels, flat_options(backend, data, options)),
      optimizer(parameters, options.optimizer),
      loss_scale(options.loss_scale),
      options_(options),
      buckets_(parameters, data, {.bytes = options.bucket_bytes}),
      square_(empty(*backend.device, {}, DType::f64, MemoryKind::workspace)) {
  parameters.initialise(options.seed);
}

void Player::begin(std::int64_t micro, std::int64_t micros) {
  if (micro == 0) parameters.begin_step();
  buckets_.begin(micro + 1 == micros);
}

UpdateReport Player::finish(std::int64_t step) {
  buckets_.finish();
  parameters.kernels().sum_squares(square_, parameters.gradients);
  double square = 0.0;
  parameters.device().copy_to_host(&square, square_.raw(), sizeof square);

  UpdateReport report{.gradient_norm = std::sqrt(square) / loss_scale.scale, .lr = options_.schedule.at(step)};
  report.skipped = !std::isfinite(report.gradient_norm);
  if (!report.skipped) {
    float factor = 1.0f / loss_scale.scale;
    if (options_.clip_norm > 0.0f && report.gradient_norm > options_.clip_norm)
      factor *= static_cast<float>(options_.clip_norm / report.gradient_norm);
    optimizer.step(static_cast<float>(report.lr), factor);
  }
  loss_scale.update(!report.skipped);
  return report;
}

}  // namespace trireme::launcher
