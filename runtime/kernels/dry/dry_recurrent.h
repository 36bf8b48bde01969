// The kernels of recurrent networks, counted: the products with the state of all steps.
#pragma once

#include "runtime/kernels/dry/dry_counter.h"
#include "runtime/kernels/recurrent_kernels.h"

namespace trireme {

class DryRecurrent final : public RecurrentKernels {
 public:
  explicit DryRecurrent(DryCounter& counter) : counter_(counter) {}

  void run(Tensor& y, Tensor& gates, Tensor* cells, const Recurrence& how) override;
  void run_grad(Tensor& gates, Tensor* sums, Tensor& dstate, Tensor* dcell, const Tensor* dy, const Tensor& y,
                const Tensor* cells, const Recurrence& how) override;
  void swap(Tensor& y, const Tensor& x) override;

 private:
  DryCounter& counter_;
};

}  // namespace trireme
