#include "parallel/tensor/vocabulary.h"

#include <algorithm>

#include "runtime/ops/shapes.h"

namespace trireme::parallel {
namespace {

constexpr std::int64_t block_bytes = 96 << 20;  // of logits, as in ops::linear_cross_entropy

Region region_of(const Tensor& x, std::string_view label) {
  return {x.raw(), x.numel(), x.dtype(), label};
}

// Rows in a block: the same on every rank, whatever its part of the vocabulary.
std::int64_t rows_of_block(const VocabularyPart& part, std::int64_t rows, DType dtype) {
  const std::int64_t share = (part.vocabulary + part.axis.size() - 1) / part.axis.size();
  const std::int64_t fitting = block_bytes / (share * size_of(dtype));
  return std::clamp<std::int64_t>(fitting / 64 * 64, 64, std::max<std::int64_t>(rows, 64));
}

void check(const Tensor& x, const Tensor& weight, const Tensor& targets) {
  constexpr std::string_view op = "split_linear_cross_entropy";
  ops::same_dtype(op, x, weight);
  ops::expect_dtype(op, targets, DType::i32);
  const Shape matrix = ops::as_matrix(x.shape());
  if (weight.shape().dims() != 2 || weight.size(1) != matrix[1] || targets.numel() != matrix[0])
    fail(op, "expected x (..., C), weight (V, C) and a target for each row, found", x.shape(), ",", weight.shape(),
         "and", targets.shape());
}

}  // namespace

Tensor split_linear_cross_entropy(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& targets,
                                  const VocabularyPart& part, std::string_view label) {
  check(x, weight, targets);
  const Shape matrix = ops::as_matrix(x.shape());
  const std::int64_t rows = matrix[0];
  const bool input_gradient = cx.tape && cx.tape->follows(x), weight_gradient = cx.tape && cx.tape->follows(weight);

  const Tensor flat = x.view(matrix), ids = targets.view({rows});
  Tensor losses = empty(cx.device, {rows}, DType::f32), weights = empty_like(losses);
  Tensor dx = input_gradient ? empty_like(flat) : Tensor{};
  Tensor dweight = weight_gradient ? empty(cx.device, weight.shape(), DType::f32) : Tensor{};
  const std::int64_t block = rows_of_block(part, rows, x.dtype());
  Tensor buffer = empty(cx.device, {std::min(block, rows), weight.size(0)}, x.dtype());
  for (std::int64_t begin = 0; begin < rows; begin += block) {
    const std::int64_t end = std::min(begin + block, rows);
    Tensor logits = buffer.rows(0, end - begin);
    const Tensor input = flat.rows(begin, end), wanted = ids.range(begin, end);
    cx.kernels.gemm(logits, input, weight, {.transpose_b = true});
    Tensor mine = empty(cx.device, {end - begin, class_numbers}, DType::f32);
    const Tensor all = empty(cx.device, {part.axis.size(), end - begin, class_numbers}, DType::f32);
    cx.kernels.class_stats(mine, logits, wanted, part.first);
    part.axis.compute().all_gather(region_of(mine, label), region_of(all, label), cx.device.compute());
    Tensor block_losses = losses.range(begin, end), block_weights = weights.range(begin, end);
    cx.kernels.cross_entropy_part(
        block_losses, block_weights, logits, wanted, all,
        {.gradient = input_gradient || weight_gradient, .first_class = part.first, .classes = part.vocabulary});
    if (input_gradient) {
      Tensor place = dx.rows(begin, end);
      cx.kernels.gemm(place, logits, weight, {});
    }
    if (weight_gradient)
      cx.kernels.gemm(dweight, logits, input, {.transpose_a = true, .beta = begin == 0 ? 0.0f : 1.0f});
  }
  buffer = Tensor{};
  const float share = 1.0f / static_cast<float>(rows);
  Tensor loss = empty(cx.device, {}, DType::f32);
  cx.kernels.sum(loss, losses);
  cx.kernels.scale(loss, loss, share, nullptr);
  record(cx, "split_linear_cross_entropy", {&x, &weight}, {&loss},
         [dx, dweight, share, shape = x.shape()](Gradients& g) {
           if (g.wants(0)) {
             Tensor mine = dx;
             g.kernels().scale(mine, mine, share, &g.incoming());
             g.give(0, mine.view(shape));
           }
           if (g.wants(1)) {
             auto place = g.destination(1, dweight.shape());
             if (place.accumulate) {
               g.kernels().axpy(place.gradient, dweight, share, &g.incoming());
             } else {
               g.kernels().scale(place.gradient, dweight, share, &g.incoming());
             }
             g.written(1, place.gradient);
           }
         });
  return loss;
}

}  // namespace trireme::parallel
