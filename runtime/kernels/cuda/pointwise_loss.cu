#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/totals.h"
#include "runtime/kernels/formulas/losses.h"

namespace trireme::cuda {
namespace {

// The losses of some elements; writes their gradients on the way.
template <class T, PointwiseLoss loss>
struct AddLosses {
  T* dx;  // may be null
  const T* x;
  const T* target;

  template <int n>
  __device__ double at(std::int64_t first) const {
    float values[n], wanted[n];
    load(values, x + first);
    load(wanted, target + first);
    double total = 0;
    for (int i = 0; i < n; ++i) {
      const auto point = formulas::point_loss<loss>(values[i], wanted[i]);
      total += static_cast<double>(point.loss);
      values[i] = point.slope;
    }
    if (dx) store(dx + first, values);
    return total;
  }
};

}  // namespace

void CudaKernels::pointwise_loss(Tensor& total, Tensor* dx, const Tensor& x, const Tensor& target, PointwiseLoss loss) {
  visit_compute_type("pointwise_loss", x.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    T* gradient = data_of<T>(dx);
    const Sweep s = sweep_of(x.numel(), width, {place_of(gradient), place_of(x.data<T>()), place_of(target.data<T>())});
    formulas::with_loss(loss, [&]<class C>(C) {
      const AddLosses<T, C::value> op{gradient, x.data<T>(), target.data<T>()};
      sum_over<width>(device_, op, s, total.data<float>());
    });
  });
}

}  // namespace trireme::cuda
