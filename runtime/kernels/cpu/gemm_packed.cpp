// Own matrix product: blocks of both operands are packed (and converted to fp32), tiles of c stay in registers while
// the depth passes, and bias and activation are applied to a tile that is still in the first cache. An element's sum
// has the same order wherever its tile lies, so the work may be cut to suit the number of threads.
#include "runtime/kernels/cpu/cpu_class.h"

namespace trireme::cpu {
namespace {

constexpr std::int64_t left_rows = 48;       // of a packed block of a: with its depth, half of a second-level cache
constexpr std::int64_t most_depth = 768;     // of packed blocks
constexpr std::int64_t most_columns = 1536;  // of a packed block of b
constexpr std::int64_t most_sums = 1 << 22;  // fp32 working sums of a 16-bit c

std::int64_t parts_of(std::int64_t whole, std::int64_t most) {
  return (whole + most - 1) / most;
}
std::int64_t rounded_up(std::int64_t count, std::int64_t to) {
  return parts_of(count, to) * to;
}

Array moved(Array x, std::int64_t by) {
  if (x.data) x.data = static_cast<std::byte*>(x.data) + by * size_of(x.dtype);
  return x;
}

// The product and how it is cut into steps: one block of columns of c, and one of depth.
struct Plan {
  std::int64_t rows, columns, depth;
  std::int64_t width, thickness;  // of a step

  std::int64_t depths() const { return parts_of(depth, thickness); }
  std::int64_t steps() const { return parts_of(columns, width) * depths(); }
};

struct Step {
  std::int64_t column, width, k, thickness;
  bool first, last;  // of the steps of its columns

  Step(const Plan& plan, std::int64_t index)
      : column(index / plan.depths() * plan.width),
        width(std::min(plan.width, plan.columns - column)),
        k(index % plan.depths() * plan.thickness),
        thickness(std::min(plan.thickness, plan.depth - k)),
        first(k == 0),
        last(k + thickness == plan.depth) {}
};

Operand left_block(const Tensor& a, bool transposed, const Plan& plan, const Step& step, std::int64_t row) {
  const std::int64_t stride = transposed ? plan.rows : plan.depth;
  const std::int64_t offset = transposed ? step.k * stride + row : row * stride + step.k;
  return {array_of(a), offset, stride, std::min(left_rows, plan.rows - row), step.thickness, transposed};
}

Operand right_block(const Tensor& b, bool transposed, const Plan& plan, const Step& step) {
  const std::int64_t stride = transposed ? plan.depth : plan.columns;
  const std::int64_t offset = transposed ? step.column * stride + step.k : step.k * stride + step.column;
  return {array_of(b), offset, stride, step.thickness, step.width, transposed};
}

// One of `parts` shares of an operand's memory.
Region share_of(const Operand& x, std::int64_t part, std::int64_t parts) {
  const std::int64_t size = size_of(x.data.dtype), lines = x.transposed ? x.columns : x.rows;
  const std::int64_t begin = lines * part / parts, end = lines * (part + 1) / parts;
  return {static_cast<const char*>(x.data.data) + (x.offset + begin * x.stride) * size, x.stride * size,
          (x.transposed ? x.rows : x.columns) * size, end - begin};
}

// Rows [row, row + height) and columns [begin, end) of a step's part of c.
struct Block {
  std::int64_t row, height, begin, end;
};

// Sums of a 16-bit c in working memory; absent for an fp32 c, which holds them itself.
struct Sums {
  float* data;
  std::int64_t stride;
};

// What a block multiplies: the packed step of b, and rows of a, packed (stride 0) or as they are.
struct Factors {
  const float* left;
  std::int64_t left_stride;
  const float* right;
  Region soon[2];
};

void multiply_block(const Level& level, const Plan& plan, const Step& step, const Block& block, const Factors& factors,
                    const Sums& working, Tensor& c, const float* bias, const Gemm& how) {
  const std::int64_t at = block.row * plan.columns + step.column + block.begin, width = block.end - block.begin;
  const bool narrow = working.data != nullptr;
  float* sums = narrow ? working.data + block.row * working.stride + block.begin : c.data<float>() + at;
  if (narrow && step.first && how.beta != 0)
    for (std::int64_t r = 0; r < block.height; ++r)
      level.unpack(sums + r * working.stride, array_of(c), at + r * plan.columns, plan.columns, 1, width);
  const GemmEpilogue epilogue{.product = nullptr,
                              .product_stride = 0,
                              .c = moved(array_of(c), at),
                              .preactivation = moved(array_of(how.preactivation), at),
                              .stride = plan.columns,
                              .bias = bias ? bias + step.column + block.begin : nullptr,
                              .activation = how.activation};
  const bool finishes = narrow || bias || how.preactivation || how.activation != Activation::identity;
  level.multiply_packed({.left = factors.left,
                         .left_stride = factors.left_stride,
                         .right = factors.right + block.begin * step.thickness,
                         .sums = sums,
                         .sums_stride = narrow ? working.stride : plan.columns,
                         .whole_tiles = narrow,
                         .factor = step.first ? how.beta : 1.0f,
                         .rows = block.height,
                         .columns = width,
                         .depth = step.thickness,
                         .last = step.last && finishes ? &epilogue : nullptr,
                         .soon = factors.soon,
                         .soon_count = 2});
}

Plan plan_for(const Level& level, const Tensor& c, const Tensor& a) {
  Plan plan{.rows = rows_of(c), .columns = columns_of(c), .depth = a.numel() / rows_of(c), .width = 0, .thickness = 0};
  plan.width = std::min(most_columns, plan.columns);
  if (c.dtype() != DType::f32) plan.width = std::min(plan.width, std::max<std::int64_t>(256, most_sums / plan.rows));
  plan.width = rounded_up(plan.width, level.panel_columns);
  plan.thickness = parts_of(plan.depth, parts_of(plan.depth, most_depth));
  return plan;
}

}  // namespace

void CpuKernels::multiply_packed_blocks(Tensor& c, const Tensor& a, const Tensor& b, const float* bias,
                                        const Gemm& how) {
  const Plan plan = plan_for(level_, c, a);
  const std::int64_t panel = level_.panel_columns, row_blocks = parts_of(plan.rows, left_rows);
  const bool narrow = c.dtype() != DType::f32;
  const bool as_it_is = a.dtype() == DType::f32 && !how.transpose_a && how.alpha == 1;
  const Scratch::Lease right = scratch_.take(plan.thickness * plan.width);
  const Scratch::Lease sums = scratch_.take(narrow ? rounded_up(plan.rows, level_.panel_rows) * plan.width : 0);
  for (std::int64_t index = 0; index < plan.steps(); ++index) {
    const Step step(plan, index), next(plan, std::min(index + 1, plan.steps() - 1));
    const std::int64_t panels = parts_of(step.width, panel);
    for_range(panels, panel * step.thickness, [&](Range range) {
      level_.pack_right(right.data(), right_block(b, how.transpose_b, plan, step), range);
    });
    // Several blocks of columns where there are few of rows.
    const std::int64_t wanted = pool_.threads() == 1 ? 1 : 4 * pool_.threads();
    const std::int64_t cuts = std::min(panels, parts_of(wanted, row_blocks)), tasks = row_blocks * cuts;
    pool_.run(tasks, [&](std::int64_t i) {
      const std::int64_t row = i / cuts * left_rows, cut = i % cuts;
      const Operand rows = left_block(a, how.transpose_a, plan, step, row);
      const Operand after = row + left_rows < plan.rows ? left_block(a, how.transpose_a, plan, step, row + left_rows)
                                                        : left_block(a, how.transpose_a, plan, next, 0);
      const bool direct = as_it_is && rows.rows % level_.panel_rows == 0;
      const Scratch::Lease left = scratch_.take(direct ? 0 : rounded_up(left_rows, level_.panel_rows) * plan.thickness);
      if (!direct) level_.pack_left(left.data(), rows, how.alpha);
      const Factors factors{
          .left = direct ? a.data<float>() + rows.offset : left.data(),
          .left_stride = direct ? rows.stride : 0,
          .right = right.data(),
          .soon = {share_of(after, cut, cuts), share_of(right_block(b, how.transpose_b, plan, next), i, tasks)}};
      const Block block{row, rows.rows, panels * cut / cuts * panel,
                        std::min(step.width, panels * (cut + 1) / cuts * panel)};
      multiply_block(level_, plan, step, block, factors, {sums.data(), plan.width}, c, bias, how);
    });
  }
}

}  // namespace trireme::cpu
