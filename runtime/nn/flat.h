// The memory of a model: parameters, working copies and gradients as a few flat buffers.
// Buckets, shards, the fused optimizer, the norm for clipping and the checkpoint are all ranges of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/nn/buffers.h"
#include "runtime/nn/module.h"
#include "runtime/tensor/paged_storage.h"

namespace trireme::nn {

// Where a parameter's elements lie in the flat order.
struct Placement {
  Parameter* parameter = nullptr;
  std::int64_t begin = 0;  // elements; a multiple of 16, so that every view is aligned to 64 bytes in fp32
  std::int64_t count = 0;
};

// How many ranks share one copy of the state (ZeRO, Rajbhandari et al. 2020): each block of the flat order is divided
// equally among `parts` ranks, and a rank keeps its part alone of
//   level 1: the optimizer's moments, and of the masters where a 16-bit copy is computed with;
//   level 2: the gradients too, once they are reduced;
//   level 3: the weights too: a block is whole only while it is in use.
struct Sharding {
  int level = 0;
  int parts = 1;
  int part = 0;
};

// A range of the flat order that is reduced, gathered and updated as one: parameters that follow each other, in the
// order in which a backward pass completes them.
struct Block {
  std::int64_t begin = 0;
  std::int64_t end = 0;  // a multiple of 16 * parts elements after begin
  bool trainable = true;
  bool decayed = false;
  Held held = Held::alone;
  bool resident = true;  // level 3: too small to come and go
  std::string label{};   // "h.5.weight ... h.3.bias"
  std::vector<Parameter*> parameters{};
};

// A range of the flat order whose state this rank keeps and updates.
struct OwnedRange {
  std::int64_t begin = 0, end = 0;  // flat order
  std::int64_t local = 0;           // where it begins in buffers of owned elements alone (moments)
  bool decayed = false;
  Held held = Held::alone;
  int block = 0;     // the (first) block that it is of
  Tensor weights;    // masters, f32 or bf16
  Tensor compute;    // 16-bit working copy of the range, or undefined
  Tensor gradients;  // f32, or undefined where it is frozen
};

struct FlatOptions {
  DType compute = DType::f32;  // bf16 and f16 add a working copy beside the fp32 masters
  DType masters = DType::f32;  // bf16, where compute is: no fp32 masters, the weights that are computed with are all
  bool gradients = true;       // false for evaluation and generation
  Sharding sharding{};
  std::int64_t block_bytes = 16 << 20;  // of fp32 gradients, about
  // Memory that ranks exchange, where a process group wants to provide it (shared windows); null: the device's own.
  std::function<std::shared_ptr<Storage>(std::int64_t bytes, MemoryKind kind)> shared_memory{};
};

class FlatParameters {
 public:
  // Order: parameters held alone, alike, added, and in each those with weight decay and those without; frozen ones
  // last; equals in registration order. Gaps between parameters hold zeros for ever. Names the parameters and attaches
  // their leaves to the buffers.
  FlatParameters(Module& module, Device& device, Kernels& kernels, const FlatOptions& options);
  FlatParameters(const FlatParameters&) = delete;
  FlatParameters& operator=(const FlatParameters&) = delete;

  // Draws what this rank owns of all parameters for `seed`, and the buffers, and fills its part of the working copies.
  void initialise(std::uint64_t seed);
  // Marks all gradients as not yet written; call before the first backward pass of a step.
  void begin_step();
  // Zeros the gradients that no backward pass of the step has written.
  void zero_untouched();
  void zero_if_untouched(Parameter& parameter);
  // Copies what this rank owns of the masters to the working copies (after loading; the optimizer does it as it
  // updates).
  void refresh_compute();

  const std::vector<Placement>& placements() const noexcept { return placements_; }
  // In the order in which a backward pass completes them; frozen ones last.
  const std::vector<Block>& blocks() const noexcept { return blocks_; }
  // In flat order. Without sharding: one range for each kind of parameter.
  const std::vector<OwnedRange>& owned() const noexcept { return owned_; }
  const Sharding& sharding() const noexcept { return options_.sharding; }
  std::int64_t size() const noexcept { return size_; }            // elements of the flat order
  std::int64_t trainable() const noexcept { return trainable_; }  // of those that have gradients: the first ones
  std::int64_t owned_trainable() const noexcept { return trainable_ / options_.sharding.parts; }
  std::int64_t parameter_count() const noexcept;  // elements of the whole model, without gaps
  // Where in `gradients` those begin that are held so, or further down the order of Held: later ones have counterparts
  // elsewhere.
  std::int64_t first_held(Held held) const noexcept;

  // A block as operations read it, and this rank's part of it: what a gather puts together.
  Tensor working(int block) const;
  Tensor working_part(int block) const;
  // A block's gradient as operations write it, and this rank's part of the reduced one.
  Tensor gradient(int block) const;
  Tensor gradient_part(int block) const;
  // The memory of both where it comes and goes: of weights on level 3, of gradients from level 2 on; otherwise null.
  PagedStorage* weight_page(int block) const {
    return weight_pages_.empty() ? nullptr : weight_pages_[at(block)].get();
  }
  PagedStorage* gradient_page(int block) const {
    return gradient_pages_.empty() ? nullptr : gradient_pages_[at(block)].get();
  }

  FlatBuffers buffers;  // of the module: whole on every rank
  Tensor weights;       // masters, of all elements, or of the owned ones alone
  Tensor compute;       // 16-bit, or undefined where the masters are computed with; likewise
  Tensor gradients;     // (owned_trainable) f32, or undefined: what the norm is taken of

  Device& device() const noexcept { return device_; }
  Kernels& kernels() const noexcept { return kernels_; }

 private:
  static Module& named(Module& module) {
    module.name_parameters();
    return module;
  }
  static std::size_t at(int block) { return static_cast<std::size_t>(block); }
  void place(const std::vector<Parameter*>& parameters);
  void place_blocks(const std::vector<Parameter*>& parameters, const Block& kind);
  void allocate_weights();
  void allocate_gradients();
  void attach();
  void list_owned();
  Tensor shared(std::int64_t elements, DType dtype, MemoryKind kind) const;
  Tensor part(const Tensor& block) const;
  bool has_copy() const noexcept { return options_.compute != options_.masters; }  // to compute with
  bool whole_weights() const noexcept;                                             // `weights` holds all elements

  Device& device_;
  Kernels& kernels_;
  FlatOptions options_;
  std::vector<Placement> placements_;
  std::vector<Block> blocks_;
  std::vector<OwnedRange> owned_;
  std::int64_t size_ = 0;
  std::int64_t trainable_ = 0;
  Tensor whole_gradients_;  // level 1: of all elements, before they are reduced
  std::vector<std::shared_ptr<PagedStorage>> weight_pages_, gradient_pages_;  // by block
  std::vector<Tensor> resident_;  // level 3, by block: whole working copies of those that stay
};

}  // namespace trireme::nn
