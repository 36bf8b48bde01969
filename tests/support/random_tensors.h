// Uniform random data and ids, the same on every run.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/philox.h"
#include "tests/support/host_values.h"

namespace trireme::test {

struct Range {
  double low = -1;
  double high = 1;
};

inline Values random_values(std::int64_t count, std::uint64_t seed, Range range = {}) {
  Values values;
  values.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t word = random_word({seed, hash_name("random values")}, static_cast<std::uint64_t>(i));
    values.push_back(range.low + (range.high - range.low) * double{unit_float(word)});
  }
  return values;
}

inline Tensor random_tensor(Device& device, const Shape& shape, DType dtype, std::uint64_t seed, Range range = {}) {
  return tensor_of(device, random_values(shape.numel(), seed, range), shape, dtype);
}

// i32 in [0, count).
inline std::vector<std::int32_t> random_ids(std::int64_t numel, std::int32_t count, std::uint64_t seed) {
  std::vector<std::int32_t> ids;
  ids.reserve(static_cast<std::size_t>(numel));
  for (std::int64_t i = 0; i < numel; ++i) {
    const std::uint32_t word = random_word({seed, hash_name("random ids")}, static_cast<std::uint64_t>(i));
    ids.push_back(static_cast<std::int32_t>(word % static_cast<std::uint32_t>(count)));
  }
  return ids;
}

}  // namespace trireme::test
