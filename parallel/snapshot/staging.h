// Host memory that a state is copied into, so that training can go on while the copy is written. It holds one copy of
// what this rank writes of a state, and is kept from one save to the next.
#pragma once

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
  // A copy of `values`; valid until rewind().
  const std::byte* copy(const Tensor& values) {
    if (next_ == blocks_.size()) blocks_.emplace_back();
    std::shared_ptr<Storage>& block = blocks_[next_++];
    if (!block || block->bytes() != values.bytes()) {
      block.reset();
      block = device_.allocate_host(values.bytes());
    }
    device_.copy_to_host(block->data(), values.raw(), values.bytes());
    return block->data();
  }

 private:
  Device& device_;
  std::vector<std::shared_ptr<Storage>> blocks_;
  std::size_t next_ = 0;
};

}  // namespace trireme::parallel
