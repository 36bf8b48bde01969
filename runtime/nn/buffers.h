// The memory of a model's buffers: one flat tensor, so that ranks exchange all of them at once.
#pragma once

#include <vector>

#include "runtime/nn/module.h"

namespace trireme::nn {

class FlatBuffers {
 public:
  // Attaches the module's buffers, in registration order. Their names must have been given.
  FlatBuffers(Module& module, Device& device);
  FlatBuffers(const FlatBuffers&) = delete;
  FlatBuffers& operator=(const FlatBuffers&) = delete;

  void initialise(Kernels& kernels, std::uint64_t seed);
  const std::vector<Buffer*>& all() const noexcept { return all_; }

  Tensor values;  // f32; undefined where there are none

 private:
  std::vector<Buffer*> all_;
};

}  // namespace trireme::nn
