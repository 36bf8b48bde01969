// The reference's kernels of recurrent networks.
#pragma once

#include "runtime/kernels/recurrent_kernels.h"

namespace trireme::reference {

class ReferenceRecurrent final : public RecurrentKernels {
 public:
  void run(Tensor& y, Tensor& gates, Tensor* cells, const Recurrence& how) override;
  void run_grad(Tensor& gates, Tensor* sums, Tensor& dstate, Tensor* dcell, const Tensor* dy, const Tensor& y,
                const Tensor* cells, const Recurrence& how) override;
  void swap(Tensor& y, const Tensor& x) override;
};

}  // namespace trireme::reference
