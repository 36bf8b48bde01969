// The memory of a model: parameters, working copies and gradients as a few flat buffers.
// Buckets, shards, the fused optimizer, the norm for clipping and the checkpoint are all ranges of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/nn/module.h"

namespace trireme::nn {

// Where a parameter's elements lie in the flat buffers.
struct Placement {
  Parameter* parameter = nullptr;
  std::int64_t begin = 0;  // elements; a multiple of 16, so that every view is aligned to 64 bytes in fp32
  std::int64_t count = 0;
};

// A range of the flat buffers whose parameters are updated alike.
struct ParameterGroup {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool decayed = false;
};

struct FlatOptions {
  DType compute = DType::f32;  // bf16 and f16 add a working copy beside the fp32 masters
  bool gradients = true;       // false for evaluation and generation
  // Memory for gradients, where a process group wants to provide it (shared windows); null: the device's own.
  std::function<std::shared_ptr<Storage>(std::int64_t bytes)> gradient_memory;
};

class FlatParameters {
 public:
  // Order: parameters with weight decay, those without, frozen ones; each in registration order. Gaps between parameters
  // hold zeros for ever. Names the parameters and attaches their leaves to the buffers.
  FlatParameters(Module& module, Device& device, Kernels& kernels, const FlatOptions& options);
  FlatParameters(const FlatParameters&) = delete;
  FlatParameters& operator=(const FlatParameters&) = delete;

  // Draws all parameters for `seed`.
  void initialise(std::uint64_t seed);
  // Marks all gradients as not yet written; call before the first backward pass of a step.
  void begin_step();
  // Zeros the gradients that no backward pass of the step has written.
  void zero_untouched();
  void zero_if_untouched(Parameter& parameter);
  // Copies the masters to the working copies (after loading; the optimizer does it as it updates).
  void refresh_compute();

  const std::vector<Placement>& placements() const noexcept { return placements_; }
  const std::vector<ParameterGroup>& groups() const noexcept { return groups_; }
  std::int64_t trainable() const noexcept { return trainable_; }  // elements of the buffers that have gradients
  std::int64_t parameter_count() const noexcept;                  // elements of the model, without gaps

  Tensor weights;    // (N) f32: masters
  Tensor compute;    // (N) 16-bit, or undefined
  Tensor gradients;  // (trainable) f32, or undefined

  Device& device() const noexcept { return device_; }
  Kernels& kernels() const noexcept { return kernels_; }

 private:
  void place(const std::vector<Parameter*>& parameters);
  void attach();

  Device& device_;
  Kernels& kernels_;
  std::vector<Placement> placements_;
  std::vector<ParameterGroup> groups_;
  std::int64_t size_ = 0;
  std::int64_t trainable_ = 0;
};

}  // namespace trireme::nn
