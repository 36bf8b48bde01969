#include "runtime/nn/buffers.h"

namespace trireme::nn {

FlatBuffers::FlatBuffers(Module& module, Device& device) : all_(module.buffers()) {
  if (all_.empty()) return;
  constexpr std::int64_t line = 16;  // elements: every view is aligned to 64 bytes
  std::int64_t size = 0;
  std::vector<std::int64_t> begins;
  for (const Buffer* buffer : all_) {
    begins.push_back(size);
    size += (buffer->shape.numel() + line - 1) / line * line;
  }
  values = empty(device, {size}, DType::f32, MemoryKind::weights);
  for (std::size_t i = 0; i < all_.size(); ++i)
    all_[i]->value = values.range(begins[i], begins[i] + all_[i]->shape.numel()).view(all_[i]->shape);
}

void FlatBuffers::initialise(Kernels& kernels, std::uint64_t seed) {
  if (!values) return;
  kernels.fill(values, 0.0f);
  for (Buffer* buffer : all_) {
    Parameter like(buffer->shape, buffer->init);
    like.name = buffer->name;
    nn::initialise(kernels, buffer->value, like, seed);
  }
}

}  // namespace trireme::nn
