#include "runtime/kernels/cuda/gemm/finish.h"

#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/formulas/activations.h"

namespace trireme::cuda {
namespace {

struct Finish {
  const float* product;
  const void* bias;
  DType bias_type;
  float beta;
  Activation activation;
  std::int64_t count, columns;
};

__device__ float bias_of(const Finish& f, std::int64_t column) {
  if (!f.bias) return 0.0f;
  switch (f.bias_type) {
    case DType::bf16: return to_float(static_cast<const BFloat16*>(f.bias)[column]);
    case DType::f16: return to_float(static_cast<const Float16*>(f.bias)[column]);
    default: return static_cast<const float*>(f.bias)[column];
  }
}

__device__ float activated_as(Activation activation, float x) {
  switch (activation) {
    case Activation::identity: return x;
    case Activation::relu: return formulas::activated<Activation::relu>(x);
    case Activation::leaky_relu: return formulas::activated<Activation::leaky_relu>(x);
    case Activation::gelu: return formulas::activated<Activation::gelu>(x);
    case Activation::silu: return formulas::activated<Activation::silu>(x);
    case Activation::sigmoid: return formulas::activated<Activation::sigmoid>(x);
    case Activation::tanh: return formulas::activated<Activation::tanh>(x);
  }
  return x;
}

template <class T>
__global__ void __launch_bounds__(block_threads) finish_kernel(T* c, T* preactivation, Finish f) {
  for (std::int64_t i = thread_index(); i < f.count; i += thread_count()) {
    float x = f.product ? f.product[i] : 0.0f;
    if (f.beta != 0.0f) x += f.beta * to_float(c[i]);
    x += bias_of(f, i % f.columns);
    if (preactivation) preactivation[i] = rounded<T>(x);
    c[i] = rounded<T>(activated_as(f.activation, x));
  }
}

}  // namespace

void finish_product(cudaStream_t stream, int multiprocessors, Tensor& c, const float* product, const Gemm& how) {
  visit_compute_type("gemm", c.dtype(), [&]<class T>(T) {
    const Finish f{.product = product,
                   .bias = how.bias ? how.bias->raw() : nullptr,
                   .bias_type = how.bias ? how.bias->dtype() : DType::f32,
                   .beta = how.beta,
                   .activation = how.activation,
                   .count = c.numel(),
                   .columns = columns_of(c)};
    launch(stream, grid_for(f.count, multiprocessors), finish_kernel<T>, c.data<T>(), data_of<T>(how.preactivation), f);
  });
}

}  // namespace trireme::cuda
