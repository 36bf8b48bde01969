// The loss of a language model whose vocabulary is spread over ranks.
#pragma once

#include "parallel/mesh/mesh.h"
#include "runtime/autograd/context.h"

namespace trireme::parallel {

struct VocabularyPart {
  const Axis& axis;
  std::int64_t vocabulary = 0;  // V, of all ranks
  std::int64_t first = 0;       // this rank's rows are first ... first + weight.size(0) - 1
};

// ops::linear_cross_entropy(x, whole weight, targets) with each rank's rows of the weight: x (..., C) same on every
// rank, weight (V_r, C), targets (...) i32 in [0, V); the loss is same on every rank, the gradient of x is a term.
// Logits stay where they are computed: for every row, the largest logit of each part, the sum of exponentials, and the
// target's logit are gathered, four numbers a row and rank. Rows are done in blocks, as there. `label` names the place
// in messages. Collective.
Tensor split_linear_cross_entropy(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& targets,
                                  const VocabularyPart& part, std::string_view label);

}  // namespace trireme::parallel
