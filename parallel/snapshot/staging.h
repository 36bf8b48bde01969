// Host memory that a state is copied into, so that training can go on while the copy is written. It holds one copy of
// what this rank writes of a state, and is kept from one save to the next.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "runtime/tensor/tensor.h"

namespace trireme::parallel {

class Staging {
 public:
  explicit Staging(Device& device) : device_(device) {}

  // The copies made so far are no longer needed.
  void rewind() noexcept { next_ = 0; }
  Device& device() const noexcept { return device_; }
  // A copy of `values`, f32 or bf16, as fp32 numbers; valid until rewind().
  const std::byte* copy(const Tensor& values) {
    if (next_ == blocks_.size()) blocks_.emplace_back();
    std::shared_ptr<Storage>& block = blocks_[next_++];
    const std::int64_t bytes = values.numel() * size_of(DType::f32);
    if (!block || block->bytes() != bytes) {
      block.reset();
      block = device_.allocate_host(bytes);
    }
    std::byte* end = block->data() + bytes;
    device_.copy_to_host(end - values.bytes(), values.raw(), values.bytes());
    if (values.dtype() == DType::bf16) widen(block->data(), values.numel());
    return block->data();
  }

 private:
  // In place, from bf16 numbers in the upper half: none is written over before it was read.
  static void widen(std::byte* numbers, std::int64_t count) {
    const std::byte* narrow = numbers + count * size_of(DType::bf16);
    for (std::int64_t i = 0; i < count; ++i) {
      BFloat16 one;
      std::memcpy(&one, narrow + i * size_of(DType::bf16), sizeof one);
      const auto wide = static_cast<float>(one);
      std::memcpy(numbers + i * size_of(DType::f32), &wide, sizeof wide);
    }
  }

  Device& device_;
  std::vector<std::shared_ptr<Storage>> blocks_;
  std::size_t next_ = 0;
};

}  // namespace trireme::parallel
