// Several neighbouring elements of a tensor as fp32 numbers, read and written in one access, or in two of 16 bytes.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>

#include "machine.h"
#include "runtime/base/dtype.h"

namespace trireme::cuda {

// Elements of the largest type that 16 bytes hold.
template <class... T>
inline constexpr int widest = [] {
  std::size_t most = 1;
  for (std::size_t size : {sizeof(T)...}) most = size > most ? size : most;
  return static_cast<int>(16 / most);
}();

// Of more than one element: `from` is a multiple of their bytes, or of 16.
template <class T, int n>
__device__ void load(float (&to)[n], const T* from) {
  if constexpr (n == 1) {
    to[0] = to_float(*from);
  } else {
    constexpr int words = n * static_cast<int>(sizeof(T)) / 4;
    std::uint32_t raw[words];
    constexpr int each = words < 4 ? words : 4;
    for (int i = 0; i < words; i += each) load_words<each>(raw + i, reinterpret_cast<const char*>(from) + 4 * i);
    for (int i = 0; i < words; ++i) {
      if constexpr (sizeof(T) == 4)
        to[i] = std::bit_cast<float>(raw[i]);
      else
        unpack_pair<T>(to + 2 * i, raw[i]);
    }
  }
}

template <class T, int n>
__device__ void store(T* to, const float (&from)[n]) {
  if constexpr (n == 1) {
    *to = rounded<T>(from[0]);
  } else {
    constexpr int words = n * static_cast<int>(sizeof(T)) / 4;
    std::uint32_t raw[words];
    for (int i = 0; i < words; ++i) {
      if constexpr (sizeof(T) == 4)
        raw[i] = std::bit_cast<std::uint32_t>(from[i]);
      else
        raw[i] = pack_pair<T>(from[2 * i], from[2 * i + 1]);
    }
    constexpr int each = words < 4 ? words : 4;
    for (int i = 0; i < words; i += each) store_words<each>(reinterpret_cast<char*>(to) + 4 * i, raw + i);
  }
}

// Where an array starts and how large its elements are; null for one that is not there.
struct Place {
  const void* data;
  std::int64_t element_bytes;
};
template <class T>
Place place_of(const T* data) {
  return {data, sizeof(T)};
}

// Elements from `place` to the next multiple of `width` elements' bytes.
inline std::int64_t unaligned(const Place& place, std::int64_t width) {
  const auto elements = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(place.data)) / place.element_bytes;
  return (width - elements % width) % width;
}

// Whether every row of every matrix of `columns` columns can be read `width` elements at a time.
inline bool rows_aligned(std::int64_t columns, std::int64_t width, std::initializer_list<Place> places) {
  if (columns % width != 0) return false;
  for (const Place& place : places)
    if (place.data && unaligned(place, width) != 0) return false;
  return true;
}

}  // namespace trireme::cuda
