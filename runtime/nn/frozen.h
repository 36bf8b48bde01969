// Parameters that a pass uses without wanting their gradients.
#pragma once

#include <utility>
#include <vector>

#include "runtime/nn/module.h"

namespace trireme::nn {

// As long as it lives, tapes follow no parameter of the module: gradients go through it to its inputs alone.
class Frozen {
 public:
  explicit Frozen(const Module& module) : parameters_(module.parameters()) {
    for (Parameter* parameter : parameters_) gradients_.push_back(std::exchange(parameter->leaf.gradient, {}));
  }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;
  ~Frozen() {
    for (std::size_t i = 0; i < parameters_.size(); ++i) parameters_[i]->leaf.gradient = std::move(gradients_[i]);
  }

 private:
  std::vector<Parameter*> parameters_;
  std::vector<Tensor> gradients_;
};

}  // namespace trireme::nn
