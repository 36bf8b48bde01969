// The output head of a language model together with its loss: the weight is often that of the token embedding.
#pragma once

#include <functional>

#include "runtime/nn/module.h"
#include "runtime/ops/loss.h"

namespace trireme::nn {

class VocabularyLoss : public Module {
 public:
  // Mean cross entropy, nats, of logits x weight^T: x (..., C), weight (V, C), targets (...) i32.
  Tensor forward(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& targets) {
    return split ? split(cx, x, weight, targets) : ops::linear_cross_entropy(cx, x, weight, targets);
  }

  // Instead of that, where the weight is a part of the rows.
  std::function<Tensor(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& targets)> split;
};

}  // namespace trireme::nn
