#include "parallel/replicate/buckets.h"

#include <utility>

#include "runtime/device/timeline.h"

namespace trireme::parallel {

Buckets::Buckets(nn::FlatParameters& parameters, const Axis& axis, const nn::Parameter* held, const Axis* replicas)
    : parameters_(parameters),
      axis_(axis),
      held_(held),
      replicas_(replicas && replicas->size() > 1 ? replicas : nullptr) {
  require(!replicas_ || sharded(), "zero", "expected sharded parameters where ranks have replicas of the parts");
  if (sharded())
    require(parameters.sharding().parts == axis.size(), "zero", "expected as many parts as the axis", axis.name(),
            "has ranks, which is", axis.size(), ", found", parameters.sharding().parts);
  if (axis_.size() == 1 && !sharded()) return;
  int trainable = 0;
  for (const nn::Block& block : parameters.blocks()) trainable += block.trainable ? 1 : 0;
  // So little that it goes at once when the pass ends: a second thread would only cost a hand-over.
  const bool at_once = !sharded() && trainable <= 2 && parameters.trainable() * size_of(DType::f32) <= (16 << 20);
  overlap_ = !at_once;
  waiting_.resize(at_once ? 1 : static_cast<std::size_t>(trainable));
  if (overlap_) install_hooks();
}

void Buckets::install_hooks() {
  for (int index = 0; index < static_cast<int>(waiting_.size()); ++index) {
    for (nn::Parameter* parameter : parameters_.blocks()[static_cast<std::size_t>(index)].parameters) {
      if (parameter != held_) parameter->leaf.on_ready = [this, parameter, index] { ready(*parameter, index); };
      if (paged()) parameter->leaf.on_write = [this, index] { bring_page(index); };
    }
  }
}

Buckets::~Buckets() {
  if (in_flight_) {  // an error is passing: what the communication thread still does must end while it has a group
    axis_.communication().abort("this rank left in the middle of a step");
    if (replicas_) replicas_->communication().abort("this rank left in the middle of a step");
    try {
      parameters_.device().communication().synchronize();
    } catch (const std::exception&) {  // it is told elsewhere why
    }
  }
  for (const nn::Placement& p : parameters_.placements()) {
    p.parameter->leaf.on_ready = nullptr;
    p.parameter->leaf.on_write = nullptr;
  }
}

void Buckets::begin(bool last, Passes passes) {
  if (paged() && armed_ && passes == Passes::one_by_one) {  // an earlier pass of this step
    finish_pass();
    added_ = true;
    for (const nn::Placement& p : parameters_.placements()) p.parameter->leaf.begin_step();
  }
  armed_ = last || (paged() && passes == Passes::one_by_one);
  next_ = 0;
  for (std::size_t i = 0; i < waiting_.size(); ++i)
    waiting_[i] = static_cast<int>(parameters_.blocks()[i].parameters.size());
}

void Buckets::ready(nn::Parameter& parameter, int block) {
  if (!armed_) return;
  parameters_.zero_if_untouched(parameter);
  --waiting_[static_cast<std::size_t>(block)];
  while (next_ < static_cast<int>(waiting_.size()) && waiting_[static_cast<std::size_t>(next_)] == 0) launch(next_++);
}

void Buckets::launch(int block) {
  in_flight_ = true;
  Device& device = parameters_.device();
  Stream& stream = overlap_ ? device.communication() : device.compute();
  if (overlap_) stream.wait(device.compute().record());
  if (sharded()) return reduce_part(block, stream);
  const bool everything = !overlap_;
  const std::string_view label =
      everything ? std::string_view("all gradients") : parameters_.blocks()[static_cast<std::size_t>(block)].label;
  const Tensor range = everything ? parameters_.gradients : parameters_.gradient(block);
  const TimeRange timed(device, stream, label, "communication");
  // Its own memory, whichever the stream.
  axis_.communication().all_reduce({range.raw(), range.numel(), range.dtype(), label}, Reduction::sum, stream);
}

void Buckets::reduce_part(int block, Stream& stream) {
  const std::string& label = parameters_.blocks()[static_cast<std::size_t>(block)].label;
  Device& device = parameters_.device();
  if (paged()) bring_page(block);  // of a block that no gradient has reached, for its zeros
  const Tensor whole = parameters_.gradient(block);
  Tensor part = parameters_.gradient_part(block);
  if (added_) part = empty(device, part.shape(), DType::f32, MemoryKind::gradients);
  {
    const TimeRange timed(device, stream, label, "communication");
    axis_.communication().reduce_scatter({whole.raw(), whole.numel(), DType::f32, label},
                                         {part.raw(), part.numel(), DType::f32, label}, Reduction::sum, stream);
    if (replicas_)
      replicas_->communication().all_reduce({part.raw(), part.numel(), DType::f32, label}, Reduction::sum, stream);
  }
  if (paged()) release_page(block, stream.record());
  if (added_) leaving_.part = part;
}

// One page is still being reduced while the next is filled.
void Buckets::release_page(int block, const Event& reduced) {
  Leaving before = std::exchange(leaving_, {block, reduced, {}});
  if (before.block < 0) return;
  parameters_.device().compute().wait(before.reduced);
  parameters_.gradient_page(before.block)->release();
  if (before.part) {
    Tensor sum = parameters_.gradient_part(before.block);
    parameters_.kernels().axpy(sum, before.part, 1.0f, nullptr);
  }
}

void Buckets::bring_page(int block) {
  PagedStorage& page = *parameters_.gradient_page(block);
  if (page.present()) return;
  page.bring(parameters_.device().allocate(page.bytes(), MemoryKind::gradients));
  Tensor whole = parameters_.gradient(block);  // what lies between parameters is zero
  parameters_.kernels().fill(whole, 0.0f);
}

void Buckets::finish_pass() {
  parameters_.zero_untouched();
  while (next_ < static_cast<int>(waiting_.size())) launch(next_++);
  if (paged()) release_page(-1, {});
  if (overlap_) parameters_.device().compute().wait(parameters_.device().communication().record());
}

void Buckets::finish() {
  finish_pass();
  armed_ = false;
  added_ = false;
  in_flight_ = false;
}

}  // namespace trireme::parallel
