#include "runtime/ops/loss.h"

#include <algorithm>

#include "runtime/ops/shapes.h"

namespace trireme::ops {
namespace {

// Logits of a block of rows: large enough for the products to run at full speed (the weight's gradient is read and
// written once a block), small enough to stay a small part of the memory of a step.
constexpr std::int64_t block_bytes = 96 << 20;

void check_targets(std::string_view op, const Tensor& targets, std::int64_t rows) {
  expect_dtype(op, targets, DType::i32);
  if (targets.numel() != rows) fail(op, "expected", rows, "targets, found", targets.shape());
}

Tensor mean_of(Context& cx, const Tensor& losses, float count) {
  Tensor loss = empty(cx.device, {}, DType::f32);
  cx.kernels.sum(loss, losses);
  cx.kernels.scale(loss, loss, 1.0f / count, nullptr);
  return loss;
}

// A weight's gradient, of which `share` times what comes in is the loss's.
void give_share(Gradients& g, int input, const Tensor& gradient, float share) {
  if (!g.wants(input)) return;
  auto place = g.destination(input, gradient.shape());
  if (place.accumulate) {
    g.kernels().axpy(place.gradient, gradient, share, &g.incoming());
  } else {
    g.kernels().scale(place.gradient, gradient, share, &g.incoming());
  }
  g.written(input, place.gradient);
}

}  // namespace

Tensor cross_entropy(Context& cx, const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& options) {
  const Shape matrix = as_matrix(logits.shape());
  check_targets("cross_entropy", targets, matrix[0]);
  if (options.class_weights && options.class_weights.shape() != Shape{matrix[1]})
    fail("cross_entropy", "expected", matrix[1], "class weights, found", options.class_weights.shape());
  const bool gradient = cx.tape && cx.tape->follows(logits);
  Tensor losses = empty(cx.device, {matrix[0]}, DType::f32), weights = empty_like(losses);
  // The kernel writes over what it is given: the logits themselves only where nobody else holds them.
  const bool in_place = gradient && !logits.mark.leaf && logits.storage().use_count() == 1;
  Tensor flat = logits.view(matrix);
  if (!in_place) {
    flat = empty_like(flat);
    cx.kernels.cast(flat, logits.view(matrix));
  }
  cx.kernels.cross_entropy(losses, weights, flat, targets.view({matrix[0]}),
                           {.class_weights = options.class_weights ? &options.class_weights : nullptr,
                            .label_smoothing = options.label_smoothing,
                            .ignore = options.ignore,
                            .gradient = gradient});
  // The divisor is known on the device only: loss = sum(losses) / sum(weights).
  Tensor total = empty(cx.device, {}, DType::f32), loss = empty(cx.device, {}, DType::f32);
  if (options.by_rows)
    cx.kernels.fill(total, static_cast<float>(matrix[0]));
  else
    cx.kernels.sum(total, weights);
  cx.kernels.sum(loss, losses);
  cx.kernels.binary(loss, loss, total, Binary::divide);
  record(cx, "cross_entropy", {&logits}, {&loss}, [flat, total, shape = logits.shape()](Gradients& g) {
    Tensor factor = empty_like(total), dlogits = flat;
    g.kernels().binary(factor, g.incoming(), total, Binary::divide);
    g.kernels().scale(dlogits, dlogits, 1.0f, &factor);
    g.give(0, dlogits.view(shape));
  });
  return loss;
}

Tensor linear_loss(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& targets, const LinearLoss& how) {
  same_dtype(how.name, x, weight);
  const Shape matrix = as_matrix(x.shape());
  const std::int64_t rows = matrix[0], width = matrix[1];
  if (weight.shape() != Shape{weight.size(0), width})
    fail(how.name, "expected a weight (V,", width, "), found", weight.shape());
  const Tensor& bias = how.bias;
  if (bias && (bias.shape() != Shape{weight.size(0)} || bias.dtype() != x.dtype()))
    fail(how.name, "expected a bias of", weight.size(0), x.dtype(), "elements, found", bias.shape(), bias.dtype());
  check_targets(how.name, targets, rows);
  const bool input_gradient = cx.tape && cx.tape->follows(x), weight_gradient = cx.tape && cx.tape->follows(weight),
             bias_gradient = bias && cx.tape && cx.tape->follows(bias);

  const Tensor flat = x.view(matrix), ids = targets.view({rows});
  Tensor losses = empty(cx.device, {rows}, DType::f32), weights = empty_like(losses);
  Tensor dx = input_gradient ? empty_like(flat) : Tensor{};
  Tensor dweight = weight_gradient ? empty(cx.device, weight.shape(), DType::f32) : Tensor{};
  Tensor dbias = bias_gradient ? empty(cx.device, bias.shape(), DType::f32) : Tensor{};
  const std::int64_t fitting = block_bytes / (how.columns * size_of(x.dtype()));
  const std::int64_t block = std::clamp<std::int64_t>(fitting / 64 * 64, 64, std::max<std::int64_t>(rows, 64));
  Tensor buffer = empty(cx.device, {std::min(block, rows), weight.size(0)}, x.dtype());
  for (std::int64_t begin = 0; begin < rows; begin += block) {
    const std::int64_t end = std::min(begin + block, rows);
    Tensor logits = buffer.rows(0, end - begin);
    const Tensor input = flat.rows(begin, end);
    cx.kernels.gemm(logits, input, weight, {.transpose_b = true, .bias = bias ? &bias : nullptr});
    Tensor block_losses = losses.range(begin, end), block_weights = weights.range(begin, end);
    how.grade(block_losses, block_weights, logits, ids.range(begin, end),
              input_gradient || weight_gradient || bias_gradient);
    if (input_gradient) {
      Tensor place = dx.rows(begin, end);
      cx.kernels.gemm(place, logits, weight, {});
    }
    if (weight_gradient)
      cx.kernels.gemm(dweight, logits, input, {.transpose_a = true, .beta = begin == 0 ? 0.0f : 1.0f});
    if (bias_gradient) cx.kernels.column_sum(dbias, logits, begin > 0);
  }
  buffer = Tensor{};
  Tensor loss = mean_of(cx, losses, static_cast<float>(rows));
  const float share = 1.0f / static_cast<float>(rows);
  record(cx, how.name, {&x, &weight, &bias}, {&loss}, [dx, dweight, dbias, share, shape = x.shape()](Gradients& g) {
    if (g.wants(0)) {
      Tensor mine = dx;
      g.kernels().scale(mine, mine, share, &g.incoming());
      g.give(0, mine.view(shape));
    }
    give_share(g, 1, dweight, share);
    give_share(g, 2, dbias, share);
  });
  return loss;
}

Tensor linear_cross_entropy(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& targets,
                            float label_smoothing, const Tensor& bias) {
  return linear_loss(
      cx, x, weight, targets,
      {.name = "linear_cross_entropy",
       .columns = weight.size(0),
       .bias = bias,
       .grade = [&](Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& wanted, bool gradient) {
         cx.kernels.cross_entropy(losses, weights, logits, wanted,
                                  {.label_smoothing = label_smoothing, .gradient = gradient});
       }});
}

Tensor pointwise_loss(Context& cx, const Tensor& x, const Tensor& target, PointwiseLoss loss) {
  same_shape("pointwise_loss", x, target);
  same_dtype("pointwise_loss", x, target);
  const bool gradient = cx.tape && cx.tape->follows(x);
  Tensor total = empty(cx.device, {}, DType::f32);
  Tensor dx = gradient ? empty_like(x) : Tensor{};
  cx.kernels.pointwise_loss(total, gradient ? &dx : nullptr, x, target, loss);
  const std::int64_t count = loss == PointwiseLoss::kl ? as_matrix(x.shape())[0] : x.numel();
  const float share = 1.0f / static_cast<float>(std::max<std::int64_t>(count, 1));
  cx.kernels.scale(total, total, share, nullptr);
  record(cx, "pointwise_loss", {&x}, {&total}, [dx, share](Gradients& g) {
    Tensor mine = dx;
    g.kernels().scale(mine, mine, share, &g.incoming());
    g.give(0, mine);
  });
  return total;
}

}  // namespace trireme::ops
