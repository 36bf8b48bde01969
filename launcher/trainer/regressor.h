// Numbers told from features.
#pragma once

#include "launcher/trainer/tasks.h"

namespace trireme::launcher {

// Batches hold "features" (B, inputs) and "targets" (B, outputs), f32.
class Regressor : public KnownTask {
 public:
  // `config.classes` are the outputs; `loss` is mse or mae.
  Regressor(const models::MlpConfig& config, DType compute, PointwiseLoss loss)
      : model_(config), compute_(compute), loss_(loss) {}

  nn::Module& network() override { return model_; }
  Tensor loss(Context& cx, const data::Batch& batch) override;
  std::string_view loss_unit() const override { return loss_ == PointwiseLoss::mse ? "squared error" : "error"; }
  std::int64_t record_width() const override;
  Tensor measure(Context& cx, const data::Batch& batch, std::vector<double>& records) override;
  metrics::Measures measures(std::span<const double> records, double loss) const override;
  data::Batch blank_batch(Device& device, std::int64_t samples) const override;
  double flops(std::int64_t samples) const override { return model_.flops(samples); }

 private:
  Tensor predictions(Context& cx, const data::Batch& batch);  // (B, outputs) f32

  models::Mlp model_;
  DType compute_;
  PointwiseLoss loss_;
};

}  // namespace trireme::launcher
