#include "runtime/nn/flat.h"

#include <algorithm>

#include "runtime/base/sizes.h"

namespace trireme::nn {
namespace {

constexpr std::int64_t alignment = 16;  // elements

std::int64_t aligned(std::int64_t count, std::int64_t to) {
  return (count + to - 1) / to * to;
}

// That all of them can be counted: their shapes are as large as a job says.
void check_sizes(const std::vector<Parameter*>& parameters) {
  std::int64_t all = 0;
  for (const Parameter* p : parameters) {
    all += checked_bytes("parameters", p->name, {p->shape.begin(), p->shape.end()}, DType::f32);
    require(all <= most_bytes, "parameters", "expected at most", most_bytes, "bytes in all, found more up to", p->name,
            "with the shape", p->shape);
  }
}

}  // namespace

FlatParameters::FlatParameters(Module& module, Device& device, Kernels& kernels, const FlatOptions& options)
    : buffers(named(module), device), device_(device), kernels_(kernels), options_(options) {
  const Sharding& sharding = options.sharding;
  require(sharding.level >= 0 && sharding.level <= 3, "zero", "expected a level from 0 to 3, found", sharding.level);
  require(sharding.level > 0 || sharding.parts == 1, "zero", "expected one part without sharding, found",
          sharding.parts);
  require(options.masters == DType::f32 || (options.masters == DType::bf16 && options.compute == DType::bf16), "flat",
          "expected f32 masters, or bf16 ones that are computed with, found", options.masters, "for", options.compute);
  check_sizes(module.parameters());
  place(module.parameters());
  allocate_weights();
  if (options.gradients && trainable_ > 0) allocate_gradients();
  attach();
  list_owned();
}

void FlatParameters::place(const std::vector<Parameter*>& parameters) {
  for (const Held held : {Held::alone, Held::alike, Held::added})
    for (const bool decayed : {true, false})
      place_blocks(parameters, {.decayed = decayed, .held = held, .resident = !decayed});
  trainable_ = size_;
  place_blocks(parameters, {.trainable = false, .resident = false});
}

// The blocks of the parameters that are like `kind`.
void FlatParameters::place_blocks(const std::vector<Parameter*>& parameters, const Block& kind) {
  const auto wanted = [&](const Parameter& p) {
    return kind.trainable ? p.trainable && p.held == kind.held && p.decayed == kind.decayed : !p.trainable;
  };
  std::vector<Block> found;
  std::int64_t bytes = 0;
  for (auto p = parameters.rbegin(); p != parameters.rend(); ++p) {
    if (!wanted(**p)) continue;
    if (found.empty() || bytes >= options_.block_bytes) {
      found.push_back(kind);
      bytes = 0;
    }
    found.back().parameters.push_back(*p);
    bytes += (*p)->numel() * size_of(DType::f32);
  }
  for (auto block = found.rbegin(); block != found.rend(); ++block) {
    const auto& reversed = block->parameters;
    block->begin = size_;
    for (auto p = reversed.rbegin(); p != reversed.rend(); ++p) {
      placements_.push_back({*p, size_, (*p)->numel()});
      size_ += aligned((*p)->numel(), alignment);
    }
    size_ = block->end = block->begin + aligned(size_ - block->begin, alignment * options_.sharding.parts);
    block->label = reversed.front()->name + (reversed.size() > 1 ? " ... " + reversed.back()->name : "");
  }
  blocks_.insert(blocks_.end(), found.begin(), found.end());
}

bool FlatParameters::whole_weights() const noexcept {
  return options_.sharding.level == 0 || (options_.sharding.level < 3 && !has_copy());
}

Tensor FlatParameters::shared(std::int64_t elements, DType dtype, MemoryKind kind) const {
  const std::int64_t bytes = elements * size_of(dtype);
  const bool exchanged = options_.sharding.parts > 1 || kind == MemoryKind::gradients;
  auto memory =
      exchanged && options_.shared_memory ? options_.shared_memory(bytes, kind) : device_.allocate(bytes, kind);
  Tensor tensor(device_, std::move(memory), 0, {elements}, dtype);
  kernels_.fill(tensor, 0.0f);
  return tensor;
}

void FlatParameters::allocate_weights() {
  const auto own = [&](DType dtype) {
    Tensor tensor = empty(device_, {size_ / options_.sharding.parts}, dtype, MemoryKind::weights);
    kernels_.fill(tensor, 0.0f);
    return tensor;
  };
  const bool whole_working = options_.sharding.level < 3;
  weights = whole_weights() ? shared(size_, options_.masters, MemoryKind::weights) : own(options_.masters);
  if (has_copy())
    compute = whole_working ? shared(size_, options_.compute, MemoryKind::weights) : own(options_.compute);
  if (whole_working) return;
  resident_.resize(blocks_.size());
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    const std::int64_t count = block.end - block.begin;
    weight_pages_.push_back(block.resident ? nullptr
                                           : std::make_shared<PagedStorage>(count * size_of(options_.compute)));
    if (block.resident) resident_[i] = shared(count, options_.compute, MemoryKind::weights);
  }
}

void FlatParameters::allocate_gradients() {
  const Sharding& sharding = options_.sharding;
  if (sharding.level == 0) {
    gradients = whole_gradients_ = shared(trainable_, DType::f32, MemoryKind::gradients);
    return;
  }
  gradients = empty(device_, {owned_trainable()}, DType::f32, MemoryKind::gradients);
  kernels_.fill(gradients, 0.0f);
  if (sharding.level == 1) {
    whole_gradients_ = shared(trainable_, DType::f32, MemoryKind::gradients);
    return;
  }
  for (const Block& block : blocks_)
    gradient_pages_.push_back(
        block.trainable ? std::make_shared<PagedStorage>((block.end - block.begin) * size_of(DType::f32)) : nullptr);
}

Tensor FlatParameters::part(const Tensor& block) const {
  const std::int64_t count = block.numel() / options_.sharding.parts;
  return block.range(options_.sharding.part * count, (options_.sharding.part + 1) * count);
}

Tensor FlatParameters::working(int index) const {
  const Block& block = blocks_[at(index)];
  if (options_.sharding.level < 3) return (compute ? compute : weights).range(block.begin, block.end);
  if (block.resident) return resident_[at(index)];
  return {device_, weight_pages_[at(index)], 0, {block.end - block.begin}, options_.compute};
}

Tensor FlatParameters::working_part(int index) const {
  if (options_.sharding.level < 3) return part(working(index));
  const Block& block = blocks_[at(index)];
  const std::int64_t parts = options_.sharding.parts;
  return (compute ? compute : weights).range(block.begin / parts, block.end / parts);
}

Tensor FlatParameters::gradient(int index) const {
  const Block& block = blocks_[at(index)];
  if (options_.sharding.level < 2) return whole_gradients_.range(block.begin, block.end);
  return {device_, gradient_pages_[at(index)], 0, {block.end - block.begin}, DType::f32};
}

Tensor FlatParameters::gradient_part(int index) const {
  const Block& block = blocks_[at(index)];
  const std::int64_t parts = options_.sharding.parts;
  return gradients.range(block.begin / parts, block.end / parts);
}

void FlatParameters::attach() {
  std::size_t next = 0;  // placements and the blocks that hold them both ascend
  std::vector<int> ascending;
  for (int i = 0; i < static_cast<int>(blocks_.size()); ++i) ascending.push_back(i);
  std::sort(ascending.begin(), ascending.end(),
            [&](int a, int b) { return blocks_[at(a)].begin < blocks_[at(b)].begin; });
  for (const int index : ascending) {
    const Block& block = blocks_[at(index)];
    const Tensor value = working(index);
    const Tensor slope = gradients && block.trainable ? gradient(index) : Tensor{};
    for (; next < placements_.size() && placements_[next].begin < block.end; ++next) {
      const Placement& p = placements_[next];
      const std::int64_t from = p.begin - block.begin;
      p.parameter->leaf.value = value.range(from, from + p.count).view(p.parameter->shape);
      if (slope) p.parameter->leaf.gradient = slope.range(from, from + p.count).view(p.parameter->shape);
    }
  }
}

void FlatParameters::list_owned() {
  const Sharding& sharding = options_.sharding;
  for (int i = 0; i < static_cast<int>(blocks_.size()); ++i) {
    const Block& block = blocks_[at(i)];
    const std::int64_t count = (block.end - block.begin) / sharding.parts;
    const std::int64_t begin = block.begin + sharding.part * count;
    owned_.push_back({.begin = begin,
                      .end = begin + count,
                      .local = block.begin / sharding.parts,
                      .decayed = block.decayed,
                      .held = block.held,
                      .block = i,
                      .weights = {},
                      .compute = {},
                      .gradients = {}});
  }
  std::sort(owned_.begin(), owned_.end(), [](const OwnedRange& a, const OwnedRange& b) { return a.begin < b.begin; });
  if (sharding.level == 0) {  // neighbours that are treated alike are one range
    std::vector<OwnedRange> merged;
    for (const OwnedRange& range : owned_) {
      const bool alike = !merged.empty() && merged.back().decayed == range.decayed &&
                         merged.back().held == range.held &&
                         blocks_[at(merged.back().block)].trainable == blocks_[at(range.block)].trainable;
      if (alike) {
        merged.back().end = range.end;
      } else {
        merged.push_back(range);
      }
    }
    owned_ = std::move(merged);
  }
  for (OwnedRange& range : owned_) {
    const std::int64_t end = range.local + (range.end - range.begin);
    range.weights = whole_weights() ? weights.range(range.begin, range.end) : weights.range(range.local, end);
    if (compute)
      range.compute = sharding.level < 3 ? compute.range(range.begin, range.end) : compute.range(range.local, end);
    if (gradients && range.end <= trainable_) range.gradients = gradients.range(range.local, end);
  }
}

void FlatParameters::initialise(std::uint64_t seed) {
  buffers.initialise(kernels_, seed);
  for (const OwnedRange& range : owned_) {
    for (const Placement& p : placements_) {
      const std::int64_t from = std::max(range.begin, p.begin), to = std::min(range.end, p.begin + p.count);
      if (from >= to) continue;
      Tensor value = range.weights.range(from - range.begin, to - range.begin);
      nn::initialise(kernels_, value, *p.parameter, seed, from - p.begin);
    }
  }
  refresh_compute();
}

void FlatParameters::begin_step() {
  for (const Placement& p : placements_) p.parameter->leaf.begin_step();
}

void FlatParameters::zero_untouched() {
  for (const Placement& p : placements_) zero_if_untouched(*p.parameter);
}

void FlatParameters::zero_if_untouched(Parameter& parameter) {
  Leaf& leaf = parameter.leaf;
  if (!leaf.wants_gradient() || !leaf.fresh()) return;
  kernels_.fill(leaf.gradient_to_write(), 0.0f);
  leaf.mark_written();
}

void FlatParameters::refresh_compute() {
  for (OwnedRange& range : owned_)
    if (range.compute) kernels_.cast(range.compute, range.weights);
}

std::int64_t FlatParameters::parameter_count() const noexcept {
  std::int64_t count = 0;
  for (const Placement& p : placements_) count += p.parameter->piece.whole.numel();
  return count;
}

std::int64_t FlatParameters::first_held(Held held) const noexcept {
  for (const OwnedRange& range : owned_)
    if (range.gradients && range.held >= held) return range.local;
  return owned_trainable();
}

}  // namespace trireme::nn
