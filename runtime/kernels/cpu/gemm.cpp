#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/cpu/matrix_product.h"

namespace trireme::cpu {
namespace {

struct Sizes {
  std::int64_t rows, columns, depth;
  double operations() const { return 2.0 * static_cast<double>(rows * columns) * static_cast<double>(depth); }
};

// Bias and activation of the whole of c.
void finish(const Level& level, const Sizes& sizes, const float* product, Tensor& c, const float* bias,
            const Gemm& how) {
  level.gemm_epilogue({.product = product,
                       .product_stride = sizes.columns,
                       .c = array_of(c),
                       .preactivation = array_of(how.preactivation),
                       .stride = sizes.columns,
                       .bias = bias,
                       .activation = how.activation},
                      sizes.rows, sizes.columns);
}

// No depth: c = beta c + bias, before the activation.
void without_product(const Level& level, const Sizes& sizes, Tensor& c, const float* bias, const Gemm& how,
                     float* sums) {
  const std::int64_t count = sizes.rows * sizes.columns;
  level.fill({sums, DType::f32}, 0.0f, {0, count});
  if (how.beta != 0) level.axpy({sums, DType::f32}, array_of(c), how.beta, {0, count});
  finish(level, sizes, sums, c, bias, how);
}

// In one call and on one thread: oneDNN's order of summation depends on the sizes and on the threads it is given.
void with_one_dnn(const Sizes& sizes, Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how) {
  const SingleThreadedProducts single;
  multiply({.a = a.data<float>(),
            .b = b.data<float>(),
            .c = c.data<float>(),
            .a_stride = how.transpose_a ? sizes.rows : sizes.depth,
            .b_stride = how.transpose_b ? sizes.depth : sizes.columns,
            .c_stride = sizes.columns,
            .rows = sizes.rows,
            .columns = sizes.columns,
            .depth = sizes.depth,
            .transpose_a = how.transpose_a,
            .transpose_b = how.transpose_b,
            .alpha = how.alpha,
            .beta = how.beta});
}

}  // namespace

void CpuKernels::gemm(Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how) {
  if (c.numel() == 0) return;
  if (how.a_format != EightBits::none) return gemm_in_eight_bits(c, a, b, how);
  const Sizes sizes{rows_of(c), columns_of(c), a.numel() / rows_of(c)};
  const AsFloats bias(how.bias, level_, scratch_);
  if (sizes.depth == 0) {
    const Scratch::Lease sums = scratch_.take(c.numel());
    return without_product(level_, sizes, c, bias.data(), how, sums.data());
  }
  constexpr double small = 0x1p28;  // operations; below, packing costs more than it gains
  const bool wide = c.dtype() == DType::f32 && a.dtype() == DType::f32 && b.dtype() == DType::f32;
  if (!wide || sizes.operations() >= small) return multiply_packed_blocks(c, a, b, bias.data(), how);
  with_one_dnn(sizes, c, a, b, how);
  if (how.bias || how.preactivation || how.activation != Activation::identity)
    finish(level_, sizes, c.data<float>(), c, bias.data(), how);
}

}  // namespace trireme::cpu
