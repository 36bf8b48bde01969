#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/cpu/matrix_product.h"

namespace trireme::cpu {
namespace {

struct Sizes {
  std::int64_t rows, columns, depth;
};

Array moved(Array x, std::int64_t by) {
  if (x.data) x.data = static_cast<std::byte*>(x.data) + by * size_of(x.dtype);
  return x;
}

// A block of c.
struct Block {
  std::int64_t row, column, rows, columns;
};

// Cuts c into blocks of at most height x width.
struct Cut {
  std::int64_t rows, columns, height, width;

  std::int64_t across() const { return (columns + width - 1) / width; }
  std::int64_t count() const { return across() * ((rows + height - 1) / height); }
  Block at(std::int64_t i) const {
    const std::int64_t row = i / across() * height, column = i % across() * width;
    return {row, column, std::min(height, rows - row), std::min(width, columns - column)};
  }
};

// How c is shared out among threads. The cut depends on the shape alone, for oneDNN's order of summation depends on the
// sizes it is given; and it is coarse, for every block packs its operands anew.
Cut cut_for(const Sizes& sizes) {
  constexpr std::int64_t shortest = 512;  // of pieces when there are more than two
  const std::int64_t longest = std::max(sizes.rows, sizes.columns);
  const double operations = 2.0 * static_cast<double>(sizes.rows * sizes.columns) * static_cast<double>(sizes.depth);
  std::int64_t parts = operations < 0x1p26 || longest < shortest ? 1 : 2;
  for (double least = 0x1p31; operations >= least && longest / (2 * parts) >= shortest && parts < 32; least *= 4)
    parts *= 2;
  const std::int64_t piece = ((longest + parts - 1) / parts + 15) / 16 * 16;
  if (sizes.rows >= sizes.columns) return {sizes.rows, sizes.columns, piece, sizes.columns};
  return {sizes.rows, sizes.columns, sizes.rows, piece};
}

bool has_epilogue(const Gemm& how) {
  return how.bias || how.preactivation || how.activation != Activation::identity;
}

void finish(const Level& level, const Block& block, const float* product, std::int64_t product_stride, Tensor& c,
            const float* bias, const Gemm& how) {
  const std::int64_t stride = columns_of(c), first = block.row * stride + block.column;
  level.gemm_epilogue({.product = product,
                       .product_stride = product_stride,
                       .c = moved(array_of(c), first),
                       .preactivation = moved(array_of(how.preactivation), first),
                       .stride = stride,
                       .bias = bias ? bias + block.column : nullptr,
                       .activation = how.activation},
                      block.rows, block.columns);
}

// All fp32: oneDNN writes c itself.
void multiply_block(const Level& level, const Block& block, const Sizes& sizes, Tensor& c, const Tensor& a,
                    const Tensor& b, const float* bias, const Gemm& how) {
  float* to = c.data<float>() + block.row * sizes.columns + block.column;
  multiply({.a = a.data<float>() + (how.transpose_a ? block.row : block.row * sizes.depth),
            .b = b.data<float>() + (how.transpose_b ? block.column * sizes.depth : block.column),
            .c = to,
            .a_stride = how.transpose_a ? sizes.rows : sizes.depth,
            .b_stride = how.transpose_b ? sizes.depth : sizes.columns,
            .c_stride = sizes.columns,
            .rows = block.rows,
            .columns = block.columns,
            .depth = sizes.depth,
            .transpose_a = how.transpose_a,
            .transpose_b = how.transpose_b,
            .alpha = how.alpha,
            .beta = how.beta});
  if (has_epilogue(how)) finish(level, block, to, sizes.columns, c, bias, how);
}

constexpr std::int64_t narrow_rows = 256, narrow_columns = 512, narrow_depth = 512;

// Some tensor is 16 bits wide: blocks are converted to fp32, summed in fp32 and rounded once.
void multiply_narrow_block(const Level& level, const Block& block, const Sizes& sizes, Tensor& c, const Tensor& a,
                           const Tensor& b, const float* bias, const Gemm& how, float* scratch) {
  float* left = scratch;
  float* right = left + narrow_rows * narrow_depth;
  float* sum = right + narrow_depth * narrow_columns;
  if (how.beta != 0)
    level.unpack(sum, array_of(c), block.row * sizes.columns + block.column, sizes.columns, block.rows, block.columns);
  for (std::int64_t k = 0; k < sizes.depth; k += narrow_depth) {
    const std::int64_t depth = std::min(narrow_depth, sizes.depth - k);
    if (how.transpose_a)
      level.unpack(left, array_of(a), k * sizes.rows + block.row, sizes.rows, depth, block.rows);
    else
      level.unpack(left, array_of(a), block.row * sizes.depth + k, sizes.depth, block.rows, depth);
    if (how.transpose_b)
      level.unpack(right, array_of(b), block.column * sizes.depth + k, sizes.depth, block.columns, depth);
    else
      level.unpack(right, array_of(b), k * sizes.columns + block.column, sizes.columns, depth, block.columns);
    multiply({.a = left,
              .b = right,
              .c = sum,
              .a_stride = how.transpose_a ? block.rows : depth,
              .b_stride = how.transpose_b ? depth : block.columns,
              .c_stride = block.columns,
              .rows = block.rows,
              .columns = block.columns,
              .depth = depth,
              .transpose_a = how.transpose_a,
              .transpose_b = how.transpose_b,
              .alpha = how.alpha,
              .beta = k == 0 ? how.beta : 1.0f});
  }
  finish(level, block, sum, block.columns, c, bias, how);
}

// No depth: c = beta c + bias, before the activation.
void without_product(const Level& level, const Sizes& sizes, Tensor& c, const float* bias, const Gemm& how,
                     float* row) {
  for (std::int64_t i = 0; i < sizes.rows; ++i) {
    std::fill_n(row, sizes.columns, 0.0f);
    if (how.beta != 0) {
      level.unpack(row, array_of(c), i * sizes.columns, sizes.columns, 1, sizes.columns);
      level.scale({row, DType::f32}, {row, DType::f32}, how.beta, {0, sizes.columns});
    }
    finish(level, {i, 0, 1, sizes.columns}, row, sizes.columns, c, bias, how);
  }
}

}  // namespace

void CpuKernels::gemm(Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how) {
  const Sizes sizes{rows_of(c), columns_of(c), rows_of(c) == 0 ? 0 : a.numel() / rows_of(c)};
  if (c.numel() == 0) return;
  const AsFloats bias(how.bias, level_, scratch_);
  if (sizes.depth == 0) {
    const Scratch::Lease row = scratch_.take(sizes.columns);
    return without_product(level_, sizes, c, bias.data(), how, row.data());
  }
  const SingleThreadedProducts single;
  const bool wide = c.dtype() == DType::f32 && a.dtype() == DType::f32 && b.dtype() == DType::f32;
  if (wide) {
    const Cut cut = cut_for(sizes);
    pool_.run(cut.count(),
              [&](std::int64_t i) { multiply_block(level_, cut.at(i), sizes, c, a, b, bias.data(), how); });
    return;
  }
  const Cut cut{sizes.rows, sizes.columns, narrow_rows, narrow_columns};
  pool_.run(cut.count(), [&](std::int64_t i) {
    const Scratch::Lease scratch =
        scratch_.take(narrow_rows * narrow_depth + narrow_depth * narrow_columns + narrow_rows * narrow_columns);
    multiply_narrow_block(level_, cut.at(i), sizes, c, a, b, bias.data(), how, scratch.data());
  });
}

}  // namespace trireme::cpu
