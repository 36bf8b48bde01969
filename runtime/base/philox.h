// Counter-based random numbers: Philox4x32-10, Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
// A number is a pure function of (seed, stream, index), so any rank can draw any slice of a sequence:
// weights are keyed by (seed, parameter name, global element index), dropout by (seed, site, step) and the global
// element index of the batch.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "runtime/base/host_device.h"

namespace trireme {

// Names one infinite sequence of 32-bit words.
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};

using PhiloxBlock = std::array<std::uint32_t, 4>;

// Words 4 * block ... 4 * block + 3 of the sequence `key`.
constexpr PhiloxBlock philox(RandomKey key, std::uint64_t block) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key.seed);
  std::uint32_t k1 = static_cast<std::uint32_t>(key.seed >> 32);
  PhiloxBlock x{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                static_cast<std::uint32_t>(key.stream), static_cast<std::uint32_t>(key.stream >> 32)};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * x[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * x[2];
    x = {static_cast<std::uint32_t>(p1 >> 32) ^ x[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ x[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return x;
}

// Word `index` of the sequence `key`.
constexpr std::uint32_t random_word(RandomKey key, std::uint64_t index) {
  return philox(key, index / 4)[index % 4];
}

// [0, 1) with 24 bits: exact in fp32.
constexpr float unit_float(std::uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

// FNV-1a, 64 bits: turns a name into a stream number.
constexpr std::uint64_t hash_name(std::string_view name, std::uint64_t hash = 0xcbf29ce484222325u) {
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

// Which numbers of a sequence the elements of a tensor draw that is a part of a larger one: they come in runs (rows of
// a block of columns, a sample's share of the heads) whose first numbers are `stride` apart. Length 0: one run.
struct Runs {
  std::int64_t length = 0, stride = 0;  // elements

  TRIREME_HOST_DEVICE constexpr std::int64_t number(std::int64_t element) const {
    return length == 0 ? element : element / length * stride + element % length;
  }
};

}  // namespace trireme
