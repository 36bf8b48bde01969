// Reverse-mode differentiation over a linear tape.
//
// Operations append nodes in execution order; the backward pass walks them in reverse. There is no graph search: a
// node's inputs always stand before it. Each node's function gives gradients to its inputs; what the function captured
// is what the pass keeps in memory, and it is released as soon as the node has run.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/autograd/leaf.h"
#include "runtime/kernels/kernels.h"

namespace trireme {

class Gradients;

// Gradients with respect to parameters may be computed with the input gradients, or left for later (zero-bubble
// pipeline schedules, Qi et al. 2023, run them where a stage would wait).
enum class WeightGradients : std::uint8_t { now, later };

class Tape {
 public:
  using Backward = std::function<void(Gradients&)>;

  explicit Tape(Device& device, Kernels& kernels) : device_(device), kernels_(kernels) {}
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Whether a tensor has a gradient on this tape: an output of it, or a leaf that wants one.
  bool follows(const Tensor& tensor) const;

  // Appends a node and marks `outputs`. Does nothing when no input is followed. `name` must be a literal.
  void record(const char* name, std::span<const Tensor* const> inputs, std::span<Tensor* const> outputs,
              Backward backward);

  // Makes a tensor an input of the tape whose gradient can be asked for (a pipeline stage's boundary, a test).
  Tensor input(const Tensor& tensor);
  // The gradient that reached an input(), which the tape then no longer holds; undefined if none did.
  Tensor take_gradient(const Tensor& tensor);

  // Seeds `output` with `seed` (same shape) and runs all nodes in reverse.
  void backward(const Tensor& output, Tensor seed, WeightGradients when = WeightGradients::now);
  // Seeds a scalar with a number, usually this micro-batch's share, times `device_factor` (one f32, the loss scale)
  // where there is one.
  void backward(const Tensor& loss, float seed, WeightGradients when = WeightGradients::now,
                const Tensor* device_factor = nullptr);
  // Seeds several outputs at once; an undefined seed means that nothing depends on that output.
  void backward(std::span<const Tensor> outputs, std::vector<Tensor> seeds,
                WeightGradients when = WeightGradients::now);
  // Runs up to `count` weight gradients that were left for later; returns how many remain.
  std::int64_t run_weight_gradients(std::int64_t count);

  // Forgets all nodes, and with them the uses of leaves (which must still live) that no gradient has answered. Tensors
  // marked before are no longer followed.
  void clear();
  std::size_t nodes() const noexcept { return nodes_.size(); }

  // A recomputed region runs twice. The first time uses of leaves are counted but no node is kept (count_only); the
  // second time, on a tape of its own, nodes are kept for uses that were counted before (uncounted).
  enum class Mode : std::uint8_t { record, count_only, uncounted };
  Mode mode() const noexcept { return mode_; }
  void set_mode(Mode mode) noexcept { mode_ = mode; }

  Device& device() const noexcept { return device_; }
  Kernels& kernels() const noexcept { return kernels_; }

 private:
  friend class Gradients;

  struct Node {
    const char* name;
    std::string layer;  // that recorded it, where a timeline is kept
    std::vector<TapeMark> inputs;
    std::vector<Leaf*> leaves;  // among the inputs, frozen ones too, whose memory is not always there
    std::vector<Leaf*> inside;  // uses that were counted for the region that this node runs again
    std::int32_t first_output;
    std::int32_t outputs;
    Backward backward;  // empty once it has run

    // Calls what(leaf) for every use of a leaf that this node is to answer.
    template <class What>
    void for_uses(What what) const {
      for (const TapeMark& input : inputs)
        if (input.leaf) what(*input.leaf);
      for (Leaf* leaf : inside) what(*leaf);
    }
  };
  // What a node computes, or an input of the tape.
  struct Slot {
    Tensor gradient;
    std::int64_t numel;  // of the tensor, and so of its gradient
    DType dtype;
    bool kept;  // an input(), whose gradient outlives the pass
  };
  struct Deferred {
    Leaf* leaf;
    std::function<void()> work;
  };

  void new_slot(Tensor& tensor, bool kept);
  Slot& slot(std::int32_t number) { return slots_[static_cast<std::size_t>(number)]; }
  void accumulate(std::int32_t number, Tensor gradient);
  void run(Node& node, WeightGradients when);

  Device& device_;
  Kernels& kernels_;
  std::vector<Node> nodes_;
  std::vector<Slot> slots_;
  std::vector<Leaf*> counted_;  // in count_only, for the next node
  std::vector<Deferred> deferred_;
  std::uint32_t generation_ = 1;
  Mode mode_ = Mode::record;
};

// What a node's function sees: the gradients of its outputs, and where to put those of its inputs.
class Gradients {
 public:
  Gradients(Tape& tape, Tape::Node& node, WeightGradients when) : tape_(tape), node_(node), when_(when) {}

  Kernels& kernels() const noexcept { return tape_.kernels(); }
  Device& device() const noexcept { return tape_.device(); }

  // The gradient of an output; undefined when nothing reached it.
  const Tensor& incoming(int output = 0) const { return tape_.slot(node_.first_output + output).gradient; }
  // The same, for the node's own use: in place when nobody else holds it, else a copy is needed.
  bool incoming_is_mine(int output = 0) const { return incoming(output).storage().use_count() == 1; }

  bool wants(int input) const;
  // Adds a gradient with as many elements as the input (ignored if the input wants none).
  void give(int input, Tensor gradient);

  // A weight's gradient: `compute(destination f32, accumulate)` runs now or later. What it captures must be by value.
  using Compute = std::function<void(Tensor& destination, bool accumulate)>;
  void give_weight(int input, const Shape& shape, Compute compute);

  // For a node that runs a tape of its own: when weight gradients are wanted, and what that tape has left for later,
  // which becomes this tape's.
  WeightGradients when() const noexcept { return when_; }
  void take_deferred(Tape& inner);

  // For kernels that produce input and weight gradients in one pass: the destination now.
  struct Destination {
    Tensor gradient;
    bool accumulate = false;
  };
  Destination destination(int input, const Shape& shape);
  void written(int input, Tensor gradient);

 private:
  void expect(int input, const Shape& shape) const;

  Tape& tape_;
  Tape::Node& node_;
  WeightGradients when_;
};

}  // namespace trireme
