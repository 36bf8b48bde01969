// A leaf of the graph: a parameter's value, its gradient, and the moment the gradient is final.
#pragma once

#include <functional>

#include "runtime/tensor/tensor.h"

namespace trireme {

class Leaf {
 public:
  Tensor value;     // what operations read, in the compute dtype
  Tensor gradient;  // f32, same number of elements; undefined while the leaf is frozen

  // The tensor to hand to operations.
  Tensor tensor() {
    needed();
    Tensor marked = value;
    marked.mark.leaf = this;
    return marked;
  }
  // Before the value is read, by a forward or a backward pass.
  void needed() {
    if (on_need) on_need();
  }
  // Before the gradient is written.
  Tensor& gradient_to_write() {
    if (on_write) on_write();
    return gradient;
  }
  bool wants_gradient() const noexcept { return static_cast<bool>(gradient); }

  // True until the first contribution since the last begin_step(): that one overwrites, later ones add.
  bool fresh() const noexcept { return fresh_; }
  // For whoever writes the gradient without a tape (zeros where nothing arrived).
  void mark_written() noexcept { fresh_ = false; }
  void begin_step() noexcept {
    fresh_ = true;
    pending_ = 0;
  }

  // Called by a tape: one call of used() per recorded use, one of contributed() per answer. The hook runs when every
  // recorded use has been answered, so a weight that is used twice (tied embeddings) reports once.
  void used() noexcept { ++pending_; }
  void contributed() {
    fresh_ = false;
    passed_over();
  }
  // A use that no gradient reaches: one answer less to wait for, nothing written.
  void passed_over() {
    if (--pending_ == 0 && on_ready) on_ready();
  }

  // A use that was forgotten with its tape. Nothing was written, so nothing is final.
  void forgotten() noexcept {
    if (pending_ > 0) --pending_;  // a new step has forgotten it already
  }

  std::function<void()> on_ready;
  std::function<void()> on_need, on_write;  // for memory that is not always there

 private:
  int pending_ = 0;
  bool fresh_ = true;
};

}  // namespace trireme
