// What is compiled once per instruction set: loops over ranges of elements, rows or heads, called through a table.
// Nothing here allocates or starts threads; whatever is summed over several ranges goes to partial results that the
// caller adds in a fixed order.
#pragma once

#include <cstdint>

#include "runtime/base/dtype.h"
#include "runtime/base/philox.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/recurrent_kernels.h"

namespace trireme::cpu {

struct Range {
  std::int64_t begin;
  std::int64_t end;
};

// The elements of a tensor. In a `const Array` for input only the address is constant.
struct Array {
  void* data = nullptr;
  DType dtype = DType::f32;
};

// A block (rows, columns) of a matrix operand, stored with a stride, or stored transposed.
struct Operand {
  Array data;
  std::int64_t offset;  // element (0, 0) of the block
  std::int64_t stride;
  std::int64_t rows, columns;
  bool transposed;
};

struct GemmEpilogue {
  const float* product;  // (rows, columns) with `product_stride`; may be c itself
  std::int64_t product_stride;
  Array c, preactivation;  // element (0, 0) of the block; preactivation may be absent
  std::int64_t stride;     // of c and preactivation
  const float* bias;       // of the block's columns, or null
  Activation activation;
};

// Memory that will be read soon.
struct Region {
  const char* data;
  std::int64_t stride_bytes, row_bytes, rows;
};

// sums = factor sums + left right, and then, where the sums are complete, the epilogue.
struct PackedProduct {
  const float* left;  // as pack_left() wrote it, or with left_stride plain rows
  std::int64_t left_stride;
  const float* right;  // as pack_right() wrote it
  float* sums;         // (rows, columns): c itself, or working memory
  std::int64_t sums_stride;
  bool whole_tiles;  // sums has room for whole tiles beyond rows and columns
  float factor;      // with 0, sums is written only
  std::int64_t rows, columns, depth;
  const GemmEpilogue* last;  // of the same block, or null; its product is ignored
  const Region* soon;        // fetched into the cache while tiles are computed
  std::int64_t soon_count;
};

struct NormForward {
  Array y, sum, x, residual;  // sum and residual absent without a residual
  float* mean;                // null for the RMS norm
  float* rstd;
  const float* weight;
  const float* bias;  // null for the RMS norm
  std::int64_t columns;
  float epsilon;
};

struct NormBackward {
  Array dx, dy, x, add;  // add may be absent
  const float* mean;     // null for the RMS norm
  const float* rstd;
  const float* weight;
  float* dweight;  // partial sums of these rows, overwritten
  float* dbias;    // null for the RMS norm
  std::int64_t columns;
};

struct RotateRows {
  Array y, x;  // (rows, heads, 2 half)
  std::int64_t heads, half;
  std::int64_t rotated;          // heads; the others are copied
  const std::uint64_t* turns;    // (half), of formulas/rotation.h
  std::int64_t sequence, first;  // the position of row r is first + r mod sequence
  bool inverse;
};

struct CrossEntropyRows {
  float* losses;
  float* weights;
  Array logits;
  const std::int32_t* targets;
  const float* class_weights;  // or null
  std::int64_t here;           // classes of the logits: first ... first + here - 1 of `classes`
  std::int64_t first, classes;
  const float* stats;  // of all parts, (parts, rows, class_numbers); null: all classes are here
  std::int64_t parts, rows;
  float label_smoothing;
  std::int32_t ignore;
  bool gradient;
  float gradient_scale;
};

struct ClassStatsRows {
  float* stats;  // (rows, class_numbers)
  Array logits;
  const std::int32_t* targets;
  std::int64_t here, first;
};

// A copy of a factor of a product, of the same storage, whose numbers are those that 8 bits hold.
struct ToEightBits {
  int mantissa;
  float least_normal;   // of the format
  float before, after;  // as formulas::EightBitScale
};

struct UpdateArrays {
  Array weights;   // f32, or bf16 without `compute`
  Array compute;   // may be absent
  float* moment1;  // may be null, as moment2
  float* moment2;
  const float* gradient;
};

// Attention of one sequence's heads that share a key/value head. Row t of a head is at base + t * stride.
struct Head {
  Array data;
  std::int64_t offset;  // element of row 0
  std::int64_t stride;
};

struct AttentionForward {
  Head query, key, value, out;
  float* lse;  // (queries), or null
  std::int64_t queries, keys, width;
  std::int64_t first;  // with causal, query i sees keys 0 ... first + i
  bool causal;
  float scale;
  Dropout dropout;  // .first is the element of (query 0, key 0); a row is `keys` elements
  float* scratch;   // attention_forward_scratch() floats, aligned to 64 bytes
};

struct AttentionBackward {
  Head query, key, value, out, dout, dquery, dkey, dvalue;  // of the first query head of the group
  const float* lse;                                         // (group, length)
  std::int64_t group;  // query heads that share the key/value head; each is `width` elements after the one before
  std::int64_t length, width;
  bool causal;
  float scale;
  Dropout dropout;  // .first is the element of (first head, query 0, key 0); a row is `length` elements
  float* scratch;   // attention_backward_scratch() floats, aligned to 64 bytes
};

// One step of a recurrent layer: all rows (B) of `recurrent_block` of the H units. Tensors are those of the step, with
// rows of H units, or of G H for gates; vectors are (G H).
inline constexpr std::int64_t recurrent_block = 64;
struct RecurrentStep {
  Cell cell = Cell::lstm;
  std::int64_t rows = 0, units = 0;
  // As pack_right() wrote them. Forward: (H, H) for each gate, `gate_stride` apart. Backward: (G H, H).
  const float* weights = nullptr;
  std::int64_t gate_stride = 0;
  const float* state = nullptr;           // h before the step; null for zeros
  const float* cell_before = nullptr;     // c before the step; null for zeros, and where there is none
  float* cells = nullptr;                 // c after it, or a GRU's u of n; null where there is none
  const std::int32_t* lengths = nullptr;  // may be null
  std::int64_t time = 0;
  Array gates{};
  float* product = nullptr;  // working memory: G rows * recurrent_block floats

  // Forward.
  Array y{};
  float* next_state = nullptr;  // y once more, where it is of 16 bits; else null
  const float* input_bias = nullptr;
  const float* bias = nullptr;

  // Backward.
  Array dy{};                          // may be absent
  const float* sums_behind = nullptr;  // (B, G H): gradients of u of the step that comes after; null for the last one
  Array sums{};                        // gradients of u where they are asked for; may be absent
  float* wide = nullptr;               // the same in fp32, where neither `gates` nor `sums` have them so; else null
  float* dstate = nullptr;             // gradients of h and c, of which those of the step before are made
  float* dcell = nullptr;
};

struct Level {
  const char* name;

  void (*fill)(Array y, float value, Range elements);
  void (*cast)(Array y, Array x, Range elements);
  void (*activate)(Array y, Array x, Activation activation, Range elements);
  void (*activate_grad)(Array dx, Array dy, Array x, Activation activation, Range elements);
  // Adds the column sums of these rows to sums.
  void (*activate_grad_sums)(Array dx, Array dy, Array x, Activation activation, std::int64_t columns, float* sums,
                             Range rows);
  void (*binary)(Array y, Array a, Array b, Binary op, Range elements);
  // Of rows of y; x has rows of twice as many columns.
  void (*gate)(Array y, Array x, Activation activation, std::int64_t columns, Range rows);
  void (*gate_grad)(Array dx, Array dy, Array x, Activation activation, std::int64_t columns, Range rows);
  // b has one row.
  void (*binary_rows)(Array y, Array a, Array b, Binary op, std::int64_t columns, Range rows);
  void (*scale)(Array y, Array x, float factor, Range elements);
  void (*axpy)(Array y, Array x, float factor, Range elements);
  void (*dropout)(Array y, Array x, const Dropout& how, Range elements);

  // y of x's dtype.
  void (*to_eight_bits)(Array y, Array x, const ToEightBits& how, Range elements);

  double (*sum)(Array x, Range elements);
  float (*largest_magnitude)(Array x, Range elements);  // NaN counts as 0
  double (*sum_squares)(Array x, Range elements);
  void (*column_sums)(Array x, std::int64_t columns, float* sums, Range rows);
  void (*argmax)(std::int32_t* y, Array x, std::int64_t columns, Range rows);

  // Columns of a panel of the right operand, rows of one of the left.
  std::int64_t panel_columns, panel_rows;
  // Panels of the left operand (rows, depth) times `factor`, the last filled up with zeros.
  void (*pack_left)(float* to, const Operand& a, float factor);
  // Some panels of the right operand (depth, columns), the last filled up with zeros; panel p at p panel_columns depth.
  void (*pack_right)(float* to, const Operand& b, Range panels);
  void (*multiply_packed)(const PackedProduct& product);
  // to (rows, columns) packed fp32 from a block with a stride.
  void (*unpack)(float* to, Array from, std::int64_t offset, std::int64_t stride, std::int64_t rows,
                 std::int64_t columns);
  void (*gemm_epilogue)(const GemmEpilogue& block, std::int64_t rows, std::int64_t columns);

  void (*norm)(const NormForward& norm, Range rows);
  void (*norm_grad)(const NormBackward& norm, Range rows);
  void (*softmax)(Array y, Array x, std::int64_t columns, bool log, Range rows);
  void (*softmax_grad)(Array dx, Array dy, Array y, std::int64_t columns, bool log, Range rows);

  void (*rotate)(const RotateRows& rows, Range range);

  void (*cross_entropy)(const CrossEntropyRows& rows, Range range);
  void (*class_stats)(const ClassStatsRows& rows, Range range);
  // The sum of the losses; dx may be absent.
  double (*pointwise_loss)(Array dx, Array x, Array target, PointwiseLoss loss, Range elements);

  void (*update)(const UpdateArrays& arrays, const Update& how, Range elements);
  void (*random)(Array y, const RandomFill& how, Range elements);

  void (*attention)(const AttentionForward& head);
  void (*attention_grad)(const AttentionBackward& heads);
  // A few queries over many keys: no tiles. scratch holds `keys` floats.
  void (*attention_few)(const AttentionForward& head);

  // Of the units first ... first + recurrent_block - 1.
  void (*recurrent_step)(const RecurrentStep& step, std::int64_t first);
  void (*recurrent_step_grad)(const RecurrentStep& step, std::int64_t first);
  // dstate += what reaches the state before the first step through that step's u.
  void (*recurrent_begin_grad)(const RecurrentStep& step, std::int64_t first);
};

// In floats; the keys are packed whole.
std::int64_t attention_forward_scratch(std::int64_t keys, std::int64_t width);
std::int64_t attention_backward_scratch(std::int64_t length, std::int64_t width);

namespace v4 {
const Level& level();
}
namespace v3 {
const Level& level();
}
namespace base {
const Level& level();
}

}  // namespace trireme::cpu
