// Numbers told from features.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "launcher/trainer/tasks.h"

namespace trireme::launcher {

// Batches hold "features" (B, inputs) and "targets" (B, outputs), f32.
class Regressor : public NetworkTask {
 public:
  // The network's classes are the outputs; `loss` is mse or mae.
  Regressor(std::unique_ptr<models::Network> network, DType compute, PointwiseLoss loss)
      : NetworkTask(std::move(network), compute), loss_(loss) {}

  std::string_view loss_unit() const override { return loss_ == PointwiseLoss::mse ? "squared error" : "error"; }
  std::int64_t record_width() const override;
  metrics::Measures measures(std::span<const double> records, double loss) const override;
  data::Batch blank_batch(Device& device, std::int64_t samples) const override;

 private:
  Tensor score(Context& cx, const Tensor& output, const data::Batch& batch) override;
  void record(Context& cx, const Tensor& output, const data::Batch& batch, std::vector<double>& records) override;

  PointwiseLoss loss_;
};

}  // namespace trireme::launcher
