// Which places of a window meet which pixels, in the two directions that a convolution is read in.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/kernels/cpu/image_level.h"

namespace trireme::cpu {

// Taps as runs that lie side by side in memory, and of each tap its number r S + s among the filter's.
struct Taps {
  std::vector<TapRun> runs;
  std::vector<std::int64_t> numbers;

  std::int64_t count() const { return static_cast<std::int64_t>(numbers.size()); }
};

// One place of a side: its number, and its distance from where the window stands.
struct Place {
  std::int64_t number, distance;
};

// All places of a side, for reading x to compute y: output p stands at p stride.
inline std::vector<Place> forward_places(const Side& side) {
  std::vector<Place> places;
  for (std::int64_t r = 0; r < side.filter; ++r) places.push_back({r, r * side.dilation - side.before});
  return places;
}

// For reading y to compute pixels first, first + stride, ... of x: those places that meet them, nearest output first.
inline std::vector<Place> backward_places(const Side& side, std::int64_t first) {
  std::vector<Place> places;
  for (std::int64_t r = side.filter - 1; r >= 0; --r) {
    const std::int64_t distance = first + side.before - r * side.dilation;
    if (distance % side.stride == 0) places.push_back({r, distance / side.stride});
  }
  return places;
}

// `joined`: neighbouring places of a row make one run.
inline Taps taps_of(const std::vector<Place>& down, const std::vector<Place>& across, std::int64_t filter_width,
                    bool joined) {
  Taps taps;
  for (const Place& r : down)
    for (std::size_t i = 0; i < across.size(); ++i) {
      taps.numbers.push_back(r.number * filter_width + across[i].number);
      if (joined && i > 0 && across[i].distance == across[i - 1].distance + 1)
        ++taps.runs.back().taps;
      else
        taps.runs.push_back({r.distance, across[i].distance, 1});
    }
  return taps;
}

}  // namespace trireme::cpu
