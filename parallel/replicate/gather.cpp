#include "parallel/replicate/gather.h"

#include <algorithm>

#include "runtime/device/timeline.h"

namespace trireme::parallel {
namespace {

// The block in use, the one before it (an operation may read two), the one that is gathered ahead.
constexpr int slots = 3;

}  // namespace

GatheredWeights::GatheredWeights(nn::FlatParameters& parameters, const Axis& axis)
    : parameters_(parameters), axis_(axis) {
  if (parameters.sharding().level < 3) return;
  std::int64_t largest = 0;
  for (int i = 0; i < static_cast<int>(parameters.blocks().size()); ++i) {
    const PagedStorage* page = parameters.weight_page(i);
    if (!page) continue;
    largest = std::max(largest, page->bytes());
    for (nn::Parameter* parameter : parameters.blocks()[static_cast<std::size_t>(i)].parameters)
      parameter->leaf.on_need = [this, i] { need(i); };
  }
  if (largest == 0) return;
  for (int i = 0; i < slots; ++i)
    slots_.push_back({.memory = axis.communication().allocate(parameters.device(), largest, MemoryKind::weights)});
}

GatheredWeights::~GatheredWeights() {
  if (!slots_.empty()) {  // what was gathered ahead must end while it has memory
    try {
      parameters_.device().communication().synchronize();
    } catch (const std::exception&) {  // it is told elsewhere why
    }
  }
  for (const nn::Placement& p : parameters_.placements()) p.parameter->leaf.on_need = nullptr;
}

void GatheredWeights::gather(int block) {
  const std::string& label = parameters_.blocks()[static_cast<std::size_t>(block)].label;
  const Tensor whole = parameters_.working(block), part = parameters_.working_part(block);
  Device& device = parameters_.device();
  Stream& stream = device.communication();
  stream.wait(device.compute().record());  // that wrote the part, and that read what the memory held before
  const TimeRange timed(device, stream, label, "communication");
  axis_.communication().all_gather({part.raw(), part.numel(), part.dtype(), label},
                                   {whole.raw(), whole.numel(), whole.dtype(), label}, stream);
}

void GatheredWeights::changed(int block) {
  if (!active()) return;
  if (parameters_.weight_page(block)) {
    if (Slot* slot = slot_of(block)) {
      parameters_.weight_page(block)->release();
      slot->block = -1;
    }
  } else {
    gather(block);
  }
}

void GatheredWeights::all_changed() {
  for (int block = 0; block < static_cast<int>(parameters_.blocks().size()); ++block) changed(block);
}

void GatheredWeights::forget() {
  if (slots_.empty()) return;
  finish();  // a block may still be on its way into memory that is written next
  for (Slot& slot : slots_) {
    if (slot.block >= 0) parameters_.weight_page(slot.block)->release();
    slot.block = -1;
  }
}

void GatheredWeights::finish() {
  if (active()) parameters_.device().compute().wait(parameters_.device().communication().record());
}

GatheredWeights::Slot* GatheredWeights::slot_of(int block) {
  for (Slot& slot : slots_)
    if (slot.block == block) return &slot;
  return nullptr;
}

GatheredWeights::Slot& GatheredWeights::bring(int block) {
  Slot& slot = *std::min_element(slots_.begin(), slots_.end(),
                                 [](const Slot& a, const Slot& b) { return a.last_use < b.last_use; });
  if (slot.block >= 0) parameters_.weight_page(slot.block)->release();
  slot.block = block;
  slot.last_use = ++uses_;
  parameters_.weight_page(block)->bring(slot.memory);
  gather(block);
  slot.gathered = parameters_.device().communication().record();
  return slot;
}

void GatheredWeights::need(int block) {
  Slot* slot = slot_of(block);
  if (!slot) slot = &bring(block);
  slot->last_use = ++uses_;
  parameters_.device().compute().wait(slot->gathered);
  if (block == path_.second) return;
  followers_[path_] = block;
  path_ = {path_.second, block};
  const auto next = followers_.find(path_);
  if (next != followers_.end() && !slot_of(next->second)) bring(next->second);
}

}  // namespace trireme::parallel
