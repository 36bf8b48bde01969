#include "runtime/kernels/dry/dry_recurrent.h"

namespace trireme {
namespace {

double product_flops(const Tensor& gates, const Tensor& y) {
  return 2.0 * static_cast<double>(gates.numel()) * static_cast<double>(y.size(-1));
}

}  // namespace

void DryRecurrent::run(Tensor& y, Tensor& gates, Tensor* cells, const Recurrence& how) {
  counter_.count("recurrent", {&gates, how.weight, how.input_bias, how.bias, how.state, how.cell_state, how.lengths},
                 {&y, &gates, cells}, product_flops(gates, y));
}

void DryRecurrent::run_grad(Tensor& gates, Tensor* sums, Tensor& dstate, Tensor* dcell, const Tensor* dy,
                            const Tensor& y, const Tensor* cells, const Recurrence& how) {
  counter_.count("recurrent_grad", {&gates, &dstate, dcell, dy, &y, cells, how.weight, how.state, how.cell_state},
                 {&gates, sums, &dstate, dcell}, product_flops(gates, y));
}

void DryRecurrent::swap(Tensor& y, const Tensor& x) {
  counter_.count("swap", {&x}, {&y});
}

}  // namespace trireme
