// Spectral normalisation (Miyato et al. 2018): a weight divided by its largest singular value.
#pragma once

#include "runtime/nn/module.h"

namespace trireme::nn {

// One step of the power iteration with each training pass: v = W^T u / |W^T u|, u = W v / |W v|, sigma = u . W v, where
// W is the weight as (rows, others). u and v count as constants for the gradient, as PyTorch has it.
class SpectralNorm : public Module {
 public:
  explicit SpectralNorm(const Shape& weight);
  // The normalised weight of this pass, in the weight's dtype.
  Tensor forward(Context& cx, const Tensor& weight);

  Buffer u;  // (1, rows)
  Buffer v;  // (1, others)

 private:
  std::int64_t rows_, columns_;
};

}  // namespace trireme::nn
