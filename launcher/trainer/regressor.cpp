#include "launcher/trainer/regressor.h"

#include "runtime/metrics/regression.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/loss.h"

namespace trireme::launcher {

Tensor Regressor::score(Context& cx, const Tensor& output, const data::Batch& batch) {
  return ops::pointwise_loss(cx, ops::cast(cx, output, DType::f32), batch["targets"], loss_);
}

std::int64_t Regressor::record_width() const {
  return metrics::regression_width;
}

void Regressor::record(Context&, const Tensor& output, const data::Batch& batch, std::vector<double>& records) {
  metrics::add_predicted(records, to_floats(output), to_floats(batch["targets"]), output.size(0));
}

metrics::Measures Regressor::measures(std::span<const double> records, double) const {
  return metrics::regression_measures(records);
}

data::Batch Regressor::blank_batch(Device& device, std::int64_t samples) const {
  data::Batch batch;
  batch.tensors["features"] = empty(device, batch_of(model().input(), samples), DType::f32);
  batch.tensors["targets"] = empty(device, {samples, model().classes()}, DType::f32);
  return batch;
}

}  // namespace trireme::launcher
