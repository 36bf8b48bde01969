#include "collectives/host/stages.h"

#include <emmintrin.h>

#include <algorithm>

namespace trireme::collectives {

void copy_to_stage(std::byte* to, const std::byte* from, std::int64_t bytes) {
  const auto misplaced = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % cache_line);
  const std::int64_t head = misplaced == 0 ? 0 : std::min(bytes, cache_line - misplaced);
  copy_bytes(to, from, head);
  std::int64_t at = head;
  for (; at + cache_line <= bytes; at += cache_line) {
    const auto* source = reinterpret_cast<const __m128i*>(from + at);
    auto* target = reinterpret_cast<__m128i*>(to + at);
    const __m128i a = _mm_loadu_si128(source);
    const __m128i b = _mm_loadu_si128(source + 1);
    const __m128i c = _mm_loadu_si128(source + 2);
    const __m128i d = _mm_loadu_si128(source + 3);
    _mm_stream_si128(target, a);
    _mm_stream_si128(target + 1, b);
    _mm_stream_si128(target + 2, c);
    _mm_stream_si128(target + 3, d);
  }
  copy_bytes(to + at, from + at, bytes - at);
  _mm_sfence();  // before the signal that says the stage is full
}

}  // namespace trireme::collectives
