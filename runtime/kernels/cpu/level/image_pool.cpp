// The largest of a window, and the way back.
#include "runtime/kernels/cpu/level/image_declarations.h"
#include "runtime/kernels/cpu/level/lanes.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

// Places of a window along one side that lie inside the image: first ... last - 1.
struct Inside {
  std::int64_t first, last;
};
Inside inside(const Side& side, std::int64_t out, std::int64_t in) {
  const std::int64_t start = out * side.stride - side.before;
  Inside found{0, side.filter};
  while (found.first < side.filter && start + found.first * side.dilation < 0) ++found.first;
  while (found.last > found.first && start + (found.last - 1) * side.dilation >= in) --found.last;
  return found;
}

void put_places(std::uint8_t* to, Floats places, Whole) {
  alignas(64) float values[lanes];
  store<F32>(values, places);
  for (std::int64_t i = 0; i < lanes; ++i) to[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(values[i]));
}
void put_places(std::uint8_t* to, Floats places, Part part) {
  alignas(64) float values[lanes];
  store<F32>(values, places);
  for (std::int64_t i = 0; i < part.count; ++i) to[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(values[i]));
}

Floats get_places(const std::uint8_t* from, std::int64_t count) {
  alignas(64) float values[lanes] = {};
  for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(from[i]);
  return load<F32>(values);
}
Floats get_places(const std::uint8_t* from, Whole) {
  return get_places(from, lanes);
}
Floats get_places(const std::uint8_t* from, Part part) {
  return get_places(from, part.count);
}

// 1 where x is larger than the largest so far, or not a number.
[[gnu::always_inline]] inline void take(Floats& largest, Floats& place, Floats x, float here) {
  const Floats unordered = map([](NativeFloat a) { return a != a ? native_all(1.0f) : native_all(0.0f); }, x);
  const Floats wins = if_greater(x, largest, all(1.0f), unordered);
  place = if_greater(wins, zeros(), all(here), place);
  largest = if_greater(wins, zeros(), x, largest);
}

template <class S>
void pool_pixel(const PoolRows& p, std::int64_t n, std::int64_t row, std::int64_t column) {
  const Inside down = inside(p.window.height, row, p.height), across = inside(p.window.width, column, p.width);
  const std::int64_t out = ((n * p.out_height + row) * p.out_width + column) * p.channels;
  const std::int64_t top = row * p.window.height.stride - p.window.height.before;
  const std::int64_t left = column * p.window.width.stride - p.window.width.before;
  for_lanes(p.channels, [&](std::int64_t c, auto part) {
    Floats largest = zeros(), place = all(-1.0f);
    for (std::int64_t r = down.first; r < down.last; ++r)
      for (std::int64_t s = across.first; s < across.last; ++s) {
        const std::int64_t h = top + r * p.window.height.dilation, w = left + s * p.window.width.dilation;
        const Floats x = load<S>(
            static_cast<const typename S::Element*>(p.x.data) + ((n * p.height + h) * p.width + w) * p.channels + c,
            part);
        const auto here = static_cast<float>(r * p.window.width.filter + s);
        if (r == down.first && s == across.first)
          largest = x, place = all(here);
        else
          take(largest, place, x, here);
      }
    store<S>(static_cast<typename S::Element*>(p.y.data) + out + c, largest, part);
    put_places(p.where + out + c, place, part);
  });
}

// An output whose window covers a pixel, and the place in the window.
struct Cover {
  std::int64_t out, place;
};
constexpr std::int64_t most_covers = 256;
// Of one side; returns how many.
std::int64_t covers(Cover* found, const Side& side, std::int64_t pixel, std::int64_t outs) {
  std::int64_t count = 0;
  for (std::int64_t place = side.filter - 1; place >= 0; --place) {
    const std::int64_t distance = pixel + side.before - place * side.dilation;
    if (distance >= 0 && distance % side.stride == 0 && distance / side.stride < outs)
      found[count++] = {distance / side.stride, place};
  }
  return count;
}

template <class S>
void grad_pixel(const PoolRows& p, std::int64_t n, const Cover* down, std::int64_t down_count, std::int64_t h,
                std::int64_t w) {
  Cover across[most_covers];
  const std::int64_t across_count = covers(across, p.window.width, w, p.out_width);
  auto* dx = static_cast<typename S::Element*>(p.x.data) + ((n * p.height + h) * p.width + w) * p.channels;
  for_lanes(p.channels, [&](std::int64_t c, auto part) {
    Floats sum = zeros();
    for (std::int64_t i = 0; i < down_count; ++i)
      for (std::int64_t j = 0; j < across_count; ++j) {
        const std::int64_t out = ((n * p.out_height + down[i].out) * p.out_width + across[j].out) * p.channels + c;
        const Floats here = all(static_cast<float>(down[i].place * p.window.width.filter + across[j].place));
        const Floats distance = magnitude(get_places(p.where + out, part) - here);
        sum += if_greater(all(0.5f), distance, load<S>(static_cast<const typename S::Element*>(p.y.data) + out, part),
                          zeros());
      }
    store<S>(dx + c, sum, part);
  });
}

}  // namespace

void max_pool(const PoolRows& p, Range rows) {
  with_storage(p.x.dtype, [&]<class S>(S) {
    for (std::int64_t row = rows.begin; row < rows.end; ++row)
      for (std::int64_t q = 0; q < p.out_width; ++q) pool_pixel<S>(p, row / p.out_height, row % p.out_height, q);
  });
}

void max_pool_grad(const PoolRows& p, Range rows) {
  with_storage(p.x.dtype, [&]<class S>(S) {
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      Cover down[most_covers];
      const std::int64_t h = row % p.height, count = covers(down, p.window.height, h, p.out_height);
      for (std::int64_t w = 0; w < p.width; ++w) grad_pixel<S>(p, row / p.height, down, count, h, w);
    }
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
