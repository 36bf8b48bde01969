#include "runtime/autograd/tape.h"

#include <utility>

#include "runtime/device/timeline.h"

namespace trireme {

bool Tape::follows(const Tensor& tensor) const {
  if (tensor.mark.leaf) return tensor.mark.leaf->wants_gradient();
  return tensor.mark.tape == this && tensor.mark.generation == generation_;
}

void Tape::record(const char* name, std::span<const Tensor* const> inputs, std::span<Tensor* const> outputs,
                  Backward backward) {
  bool any = false;
  for (const Tensor* input : inputs) any = any || (input && follows(*input));
  if (!any) return;
  if (mode_ != Mode::uncounted)
    for (const Tensor* input : inputs)
      if (input && input->mark.leaf && input->mark.leaf->wants_gradient()) input->mark.leaf->used();

  Node node{name, {}, {}, {}, static_cast<std::int32_t>(gradients_.size()), static_cast<std::int32_t>(outputs.size()),
            {}};
  for (Tensor* output : outputs) new_slot(*output, false);
  if (mode_ == Mode::count_only) return;  // marked, so that what follows is counted too
  node.inputs.reserve(inputs.size());
  for (const Tensor* input : inputs) node.inputs.push_back(input && follows(*input) ? input->mark : TapeMark{});
  for (const Tensor* input : inputs)
    if (input && input->mark.leaf && input->mark.leaf->on_need) node.leaves.push_back(input->mark.leaf);
  node.backward = std::move(backward);
  if (const Timeline* timeline = device_.timeline()) node.layer = timeline->open();
  nodes_.push_back(std::move(node));
}

Tensor Tape::input(const Tensor& tensor) {
  Tensor marked = tensor;
  new_slot(marked, true);
  return marked;
}

Tensor Tape::gradient(const Tensor& tensor) const {
  require(tensor.mark.tape == this && tensor.mark.generation == generation_, "tape",
          "expected a tensor of this tape in gradient()");
  return gradients_[static_cast<std::size_t>(tensor.mark.slot)];
}

void Tape::new_slot(Tensor& tensor, bool kept) {
  tensor.mark = {this, generation_, static_cast<std::int32_t>(gradients_.size()), nullptr};
  gradients_.emplace_back();
  dtypes_.push_back(tensor.dtype());
  kept_.push_back(kept);
}

void Tape::accumulate(std::int32_t slot, Tensor gradient) {
  const DType dtype = dtypes_[static_cast<std::size_t>(slot)];
  if (gradient.dtype() != dtype) {  // a weight's gradient is f32; a computed weight may not be
    Tensor converted = empty(device_, gradient.shape(), dtype);
    kernels_.cast(converted, gradient);
    gradient = std::move(converted);
  }
  Tensor& total = gradients_[static_cast<std::size_t>(slot)];
  if (!total) {
    total = std::move(gradient);
  } else if (total.storage().use_count() == 1) {
    kernels_.axpy(total, gradient, 1.0f, nullptr);
  } else {  // somebody else reads what arrived first
    Tensor fresh = empty_like(total);
    kernels_.binary(fresh, total, gradient, Binary::add);
    total = std::move(fresh);
  }
}

void Tape::run(Node& node, WeightGradients when) {
  bool reached = false;
  for (std::int32_t output = 0; output < node.outputs; ++output)
    reached = reached || gradients_[static_cast<std::size_t>(node.first_output + output)];
  Gradients gradients(*this, node, when);
  if (reached) {
    const TimeRange range(device_, device_.compute(), node.layer.empty() ? node.name : node.layer + " " + node.name,
                          "backward");
    for (Leaf* leaf : node.leaves) leaf->needed();
    node.backward(gradients);
  } else {  // nothing depends on this node: its leaves have one use less to wait for
    for (const TapeMark& input : node.inputs)
      if (input.leaf) input.leaf->passed_over();
  }
  node.backward = nullptr;
  for (std::int32_t output = 0; output < node.outputs; ++output) {
    const auto slot = static_cast<std::size_t>(node.first_output + output);
    if (!kept_[slot]) gradients_[slot] = Tensor{};
  }
}

void Tape::backward(const Tensor& output, Tensor seed, WeightGradients when) {
  require(output.mark.tape == this && output.mark.generation == generation_, "backward",
          "expected an output of this tape: nothing that needs a gradient was used to compute it");
  std::vector<Tensor> seeds;
  seeds.push_back(std::move(seed));
  backward(std::span(&output, 1), std::move(seeds), when);
}

void Tape::backward(std::span<const Tensor> outputs, std::vector<Tensor> seeds, WeightGradients when) {
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (seeds[i] && !outputs[i].mark.leaf && follows(outputs[i])) accumulate(outputs[i].mark.slot, std::move(seeds[i]));
  seeds.clear();
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) run(*node, when);
  nodes_.clear();
}

void Tape::backward(const Tensor& loss, float seed, WeightGradients when, const Tensor* device_factor) {
  require(loss.numel() == 1, "backward", "expected a scalar loss, found shape", loss.shape());
  Tensor start = empty_like(loss);
  kernels_.fill(start, seed);
  if (device_factor) kernels_.scale(start, start, 1.0f, device_factor);
  backward(loss, std::move(start), when);
}

std::int64_t Tape::run_weight_gradients(std::int64_t count) {
  std::size_t done = 0;
  for (; done < deferred_.size() && count > 0; ++done, --count) {
    auto work = std::move(deferred_[done]);
    work();
  }
  deferred_.erase(deferred_.begin(), deferred_.begin() + static_cast<std::ptrdiff_t>(done));
  return static_cast<std::int64_t>(deferred_.size());
}

void Tape::clear() {
  nodes_.clear();
  gradients_.clear();
  dtypes_.clear();
  kept_.clear();
  deferred_.clear();
  ++generation_;
}

bool Gradients::wants(int input) const {
  const TapeMark& mark = node_.inputs[static_cast<std::size_t>(input)];
  return mark.leaf != nullptr || mark.slot >= 0;
}

void Gradients::give(int input, Tensor gradient) {
  const TapeMark& mark = node_.inputs[static_cast<std::size_t>(input)];
  if (mark.leaf) {
    Destination place = destination(input, mark.leaf->value.shape());
    if (place.accumulate) {
      kernels().axpy(place.gradient, gradient, 1.0f, nullptr);
    } else {
      kernels().cast(place.gradient, gradient);
    }
    mark.leaf->contributed();
  } else if (mark.slot >= 0) {
    tape_.accumulate(mark.slot, std::move(gradient));
  }
}

void Gradients::give_weight(int input, const Shape& shape, Compute compute) {
  const TapeMark mark = node_.inputs[static_cast<std::size_t>(input)];
  if (mark.leaf) {
    auto work = [leaf = mark.leaf, shape, compute = std::move(compute)] {
      Tensor place = leaf->gradient_to_write().view(shape);
      compute(place, !leaf->fresh());
      leaf->contributed();
    };
    if (when_ == WeightGradients::later) {
      tape_.deferred_.push_back(std::move(work));
    } else {
      work();
    }
  } else if (mark.slot >= 0) {  // a computed weight: its own node needs the gradient now
    Tensor place = empty(device(), shape, DType::f32);
    compute(place, false);
    tape_.accumulate(mark.slot, std::move(place));
  }
}

Gradients::Destination Gradients::destination(int input, const Shape& shape) {
  const TapeMark& mark = node_.inputs[static_cast<std::size_t>(input)];
  if (mark.leaf) return {mark.leaf->gradient_to_write().view(shape), !mark.leaf->fresh()};
  return {empty(device(), shape, DType::f32), false};
}

void Gradients::written(int input, Tensor gradient) {
  const TapeMark& mark = node_.inputs[static_cast<std::size_t>(input)];
  if (mark.leaf) {
    mark.leaf->contributed();
  } else if (mark.slot >= 0) {
    tape_.accumulate(mark.slot, std::move(gradient));
  }
}

}  // namespace trireme
