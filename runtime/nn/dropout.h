// Dropout as a layer: its path names the place in the model.
#pragma once

#include "runtime/nn/module.h"
#include "runtime/nn/parts.h"
#include "runtime/ops/elementwise.h"

namespace trireme::nn {

class Dropout : public Module {
 public:
  explicit Dropout(float probability) : probability_(probability) {}

  // x (..., C): this part of the rows, and of the columns, of the whole activation.
  Tensor forward(Context& cx, const Tensor& x) {
    return ops::dropout(cx, x,
                        {.probability = probability_,
                         .site = path(),
                         .part = rows.index,
                         .parts = rows.of,
                         .column_part = columns.index,
                         .column_parts = columns.of});
  }

  Part rows, columns;

 private:
  float probability_;
};

}  // namespace trireme::nn
