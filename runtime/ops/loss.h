// Losses. All return one f32, the mean unless stated.
#pragma once

#include <functional>

#include "runtime/autograd/context.h"

namespace trireme::ops {

struct CrossEntropyOptions {
  Tensor class_weights;          // (V) f32, or undefined for 1 each; the mean is then weighted, as in PyTorch
  float label_smoothing = 0.0f;  // Szegedy et al. 2016
  std::int32_t ignore = -1;      // targets that count nothing
  // Divides the weighted sum by the rows and not by their weights: a mean over batches, of which each has other
  // classes, is then the mean over all their rows.
  bool by_rows = false;
};

// Mean cross entropy of softmax(logits) against class numbers: logits (..., V), targets (...) i32.
// While a tape records, logits whose storage nobody else holds are overwritten by their gradient: do not read them
// afterwards.
Tensor cross_entropy(Context& cx, const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& options = {});

// A loss of logits = x weight^T + bias.
struct LinearLoss {
  const char* name = "";     // in messages
  std::int64_t columns = 0;  // of the logits, by which the rows of a block are chosen
  Tensor bias{};             // (V), or undefined
  // losses, weights (R) f32 of the rows logits (R, V) and targets (R) i32. With `gradient`, the logits become that of
  // the sum of the losses.
  std::function<void(Tensor& losses, Tensor& weights, Tensor& logits, const Tensor& targets, bool gradient)> grade;
};

// Its mean over rows, without ever holding all logits: rows are done in blocks whose logits, loss and gradients are
// finished before the next block starts. x (..., C), weight (V, C), targets (...) i32, none ignored.
// Memory: one block of logits and dx, plus dweight where the weight's gradient is wanted.
Tensor linear_loss(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& targets, const LinearLoss& how);

// cross_entropy(x weight^T + bias, targets) by linear_loss(); bias (V) or undefined.
Tensor linear_cross_entropy(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& targets,
                            float label_smoothing = 0.0f, const Tensor& bias = {});

// Mean over elements of a pointwise loss; x and target have the same shape and dtype. For kl, the sum divided by the
// rows (x's outermost dimensions), the mean divergence.
Tensor pointwise_loss(Context& cx, const Tensor& x, const Tensor& target, PointwiseLoss loss);

}  // namespace trireme::ops
