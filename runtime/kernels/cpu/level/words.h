// Philox words for a run of elements (see runtime/base/philox.h).
#pragma once

#include "runtime/base/philox.h"
#include "runtime/kernels/cpu/level/lanes.h"

namespace trireme::cpu::TRIREME_LEVEL {

// Words are drawn in batches of at most this many.
inline constexpr std::int64_t word_batch = 256;

// words[0, count) = words first ... first + count - 1 of the sequence. `words` holds `count` rounded up to 16, and
// every element up to there is written.
void random_words(std::uint32_t* words, RandomKey key, std::uint64_t first, std::int64_t count);

// Sixteen words as numbers in [0, 1), as unit_float.
[[gnu::always_inline]] inline Floats unit_floats(const std::uint32_t* words) {
  return pieces([=](int at) {
    NativeWord word;
    __builtin_memcpy(&word, words + at, sizeof word);
    return native_to_float((NativeInt)(word >> 8)) * 0x1p-24f;
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
