// Data whose sums and products are exact, so that results can be compared with ==.
#pragma once

#include <cstdint>

#include "runtime/base/philox.h"
#include "tests/support/host_values.h"

namespace trireme::test {

// Integers in [-bound, bound]. With bound 4 they are exact in every floating-point dtype, products are at most 16, and
// sums of 2^20 of those are exact in fp32; sums of up to 16 products are exact in bf16 as well.
inline Values predictable(std::int64_t count, std::uint64_t seed = 0, int bound = 4) {
  Values values;
  values.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t word = random_word({seed, hash_name("predictable")}, static_cast<std::uint64_t>(i));
    values.push_back(static_cast<double>(word % static_cast<std::uint32_t>(2 * bound + 1)) - bound);
  }
  return values;
}

inline Tensor predictable_tensor(Device& device, const Shape& shape, DType dtype, std::uint64_t seed = 0,
                                 int bound = 4) {
  return tensor_of(device, predictable(shape.numel(), seed, bound), shape, dtype);
}

}  // namespace trireme::test
