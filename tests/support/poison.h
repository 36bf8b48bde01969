// Memory that shows when it was not written, or written where it should not be.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "runtime/tensor/tensor.h"

namespace trireme::test {

// NaN in every floating-point dtype, -1 in signed integers: an element that a kernel forgets, or adds to where it
// should overwrite, does not compare equal to anything.
inline void poison(Tensor& tensor) {
  const std::vector<std::uint8_t> garbage(static_cast<std::size_t>(tensor.bytes()), 0xff);
  tensor.device().copy_from_host(tensor.raw(), garbage.data(), tensor.bytes());
}

// A tensor inside a larger block, with guard bytes on both sides, `shift` elements past an aligned address: as a range
// of a flat buffer or a row of odd width has it, or with 0 as a tensor of its own.
class GuardedTensor {
 public:
  GuardedTensor(Device& device, const Shape& shape, DType dtype, std::int64_t shift = 3)
      : before_(64 + shift * size_of(dtype)),
        whole_(empty(device, {before_ + shape.numel() * size_of(dtype) + after}, DType::u8)),
        tensor_(device, whole_.storage(), before_, shape, dtype) {
    const std::vector<std::uint8_t> guard(static_cast<std::size_t>(whole_.bytes()), pattern);
    device.copy_from_host(whole_.raw(), guard.data(), whole_.bytes());
    poison(tensor_);
  }

  Tensor& tensor() noexcept { return tensor_; }
  const Tensor& tensor() const noexcept { return tensor_; }
  // False once something was written outside the tensor.
  bool intact() const {
    const std::vector<std::uint8_t> bytes = to_host<std::uint8_t>(whole_);
    const auto clean = [](std::uint8_t byte) { return byte == pattern; };
    return std::all_of(bytes.begin(), bytes.begin() + before_, clean) &&
           std::all_of(bytes.end() - after, bytes.end(), clean);
  }

 private:
  static constexpr std::uint8_t pattern = 0xa5;
  static constexpr std::int64_t after = 128;
  std::int64_t before_;
  Tensor whole_, tensor_;
};

}  // namespace trireme::test
