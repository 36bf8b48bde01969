#include "runtime/autograd/tape.h"

#include <string>
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
  for (const Tensor* input : inputs) {
    Leaf* leaf = input ? input->mark.leaf : nullptr;
    if (mode_ == Mode::uncounted || !leaf || !leaf->wants_gradient()) continue;
    leaf->used();
    if (mode_ == Mode::count_only) counted_.push_back(leaf);
  }

  const auto first = static_cast<std::int32_t>(slots_.size());
  for (Tensor* output : outputs) new_slot(*output, false);
  if (mode_ == Mode::count_only) return;  // marked, so that what follows is counted too
  Node node{name, {}, {}, {}, std::exchange(counted_, {}), first, static_cast<std::int32_t>(outputs.size()), {}};
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

Tensor Tape::take_gradient(const Tensor& tensor) {
  require(tensor.mark.tape == this && tensor.mark.generation == generation_, "tape",
          "expected a tensor of this tape in take_gradient()");
  return std::exchange(slot(tensor.mark.slot).gradient, {});
}

void Tape::new_slot(Tensor& tensor, bool kept) {
  tensor.mark = {this, generation_, static_cast<std::int32_t>(slots_.size()), nullptr};
  slots_.push_back({{}, tensor.numel(), tensor.dtype(), kept});
}

void Tape::accumulate(std::int32_t number, Tensor gradient) {
  const DType dtype = slot(number).dtype;
  if (gradient.dtype() != dtype) {  // a weight's gradient is f32; a computed weight may not be
    Tensor converted = empty(device_, gradient.shape(), dtype);
    kernels_.cast(converted, gradient);
    gradient = std::move(converted);
  }
  Tensor& total = slot(number).gradient;
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
    reached = reached || slot(node.first_output + output).gradient;
  Gradients gradients(*this, node, when);
  if (reached) {
    const TimeRange range(device_, device_.compute(), node.layer.empty() ? node.name : node.layer + " " + node.name,
                          "backward");
    for (Leaf* leaf : node.leaves) leaf->needed();
    node.backward(gradients);
  } else {  // nothing depends on this node: its leaves have one use less to wait for
    node.for_uses([](Leaf& leaf) { leaf.passed_over(); });
  }
  node.backward = nullptr;
  for (std::int32_t output = 0; output < node.outputs; ++output)
    if (Slot& done = slot(node.first_output + output); !done.kept) done.gradient = Tensor{};
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
    const Deferred next = std::move(deferred_[done]);
    next.work();
  }
  deferred_.erase(deferred_.begin(), deferred_.begin() + static_cast<std::ptrdiff_t>(done));
  return static_cast<std::int64_t>(deferred_.size());
}

void Tape::clear() {
  const auto forget = [](Leaf& leaf) { leaf.forgotten(); };
  for (const Node& node : nodes_)
    if (node.backward) node.for_uses(forget);
  for (Leaf* leaf : counted_) forget(*leaf);
  for (const Deferred& deferred : deferred_)
    if (deferred.work) forget(*deferred.leaf);
  nodes_.clear();
  slots_.clear();
  counted_.clear();
  deferred_.clear();
  ++generation_;
}

bool Gradients::wants(int input) const {
  const TapeMark& mark = node_.inputs[static_cast<std::size_t>(input)];
  return mark.leaf != nullptr || mark.slot >= 0;
}

void Gradients::expect(int input, const Shape& shape) const {
  const TapeMark& mark = node_.inputs[static_cast<std::size_t>(input)];
  const std::int64_t wanted = mark.leaf ? mark.leaf->value.numel() : tape_.slot(mark.slot).numel;
  if (shape.numel() != wanted)
    fail("tape", "in the gradient of", node_.name + std::string(": expected"), wanted, "elements for input", input,
         "found", shape);
}

void Gradients::give(int input, Tensor gradient) {
  const TapeMark& mark = node_.inputs[static_cast<std::size_t>(input)];
  if (wants(input)) expect(input, gradient.shape());
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
  if (wants(input)) expect(input, shape);
  if (mark.leaf) {
    auto work = [leaf = mark.leaf, shape, compute = std::move(compute)] {
      Tensor place = leaf->gradient_to_write().view(shape);
      compute(place, !leaf->fresh());
      leaf->contributed();
    };
    if (when_ == WeightGradients::later) {
      tape_.deferred_.push_back({mark.leaf, std::move(work)});
    } else {
      work();
    }
  } else if (mark.slot >= 0) {  // a computed weight: its own node needs the gradient now
    Tensor place = empty(device(), shape, DType::f32);
    compute(place, false);
    tape_.accumulate(mark.slot, std::move(place));
  }
}

void Gradients::take_deferred(Tape& inner) {
  for (Tape::Deferred& deferred : inner.deferred_) tape_.deferred_.push_back(std::move(deferred));
  inner.deferred_.clear();
}

Gradients::Destination Gradients::destination(int input, const Shape& shape) {
  const TapeMark& mark = node_.inputs[static_cast<std::size_t>(input)];
  if (wants(input)) expect(input, shape);
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
