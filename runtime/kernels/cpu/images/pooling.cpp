#include <cstring>
#include <vector>

#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/cpu/images/image_class.h"

namespace trireme::cpu {

// What each place of a side is summed from: pixels of the other tensor, each with a share.
struct CpuImages::SideShares {
  struct Share {
    std::int64_t from;
    float share;
  };
  std::vector<std::vector<Share>> of;

  explicit SideShares(std::int64_t size) : of(static_cast<std::size_t>(size)) {}
  void add(std::int64_t to, std::int64_t from, float share) {
    if (share != 0) of[static_cast<std::size_t>(to)].push_back({from, share});
  }
  // The same for the way back, to a side of `size`.
  SideShares turned(std::int64_t size) const {
    SideShares back(size);
    for (std::size_t to = 0; to < of.size(); ++to)
      for (const Share& s : of[to]) back.add(s.from, static_cast<std::int64_t>(to), s.share);
    return back;
  }

  static SideShares windows(const Side& side, std::int64_t out, std::int64_t in) {
    SideShares shares(out);
    for (std::int64_t p = 0; p < out; ++p)
      for (std::int64_t r = 0; r < side.filter; ++r) {
        const std::int64_t h = p * side.stride + r * side.dilation - side.before;
        if (h >= 0 && h < in) shares.add(p, h, 1.0f / static_cast<float>(side.filter));
      }
    return shares;
  }
  static SideShares adaptive(std::int64_t out, std::int64_t in) {
    SideShares shares(out);
    for (std::int64_t p = 0; p < out; ++p) {
      const std::int64_t begin = p * in / out, end = ((p + 1) * in + out - 1) / out;
      for (std::int64_t h = begin; h < end; ++h) shares.add(p, h, 1.0f / static_cast<float>(end - begin));
    }
    return shares;
  }
  static SideShares resampled(std::int64_t out, std::int64_t in, Resampling how) {
    SideShares shares(out);
    for (std::int64_t p = 0; p < out; ++p) {
      if (how == Resampling::nearest) {
        shares.add(p, p * in / out, 1.0f);
        continue;
      }
      const double ratio = static_cast<double>(in) / static_cast<double>(out);
      const double centre = std::max(0.0, (static_cast<double>(p) + 0.5) * ratio - 0.5);
      const std::int64_t first = std::min(static_cast<std::int64_t>(centre), in - 1);
      const auto share = static_cast<float>(first + 1 < in ? centre - static_cast<double>(first) : 0.0);
      shares.add(p, first, 1.0f - share);
      shares.add(p, std::min(first + 1, in - 1), share);
    }
    return shares;
  }
};

void CpuImages::spread(Tensor& to, const Tensor& from, const SideShares& down, const SideShares& across) {
  const std::int64_t channels = to.size(3), height = to.size(1), width = to.size(2), size = size_of(to.dtype());
  for_range(to.size(0) * height, 4 * width * channels, [&](Range rows) {
    const Scratch::Lease sums = scratch_.take(channels);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      const auto& vertical = down.of[static_cast<std::size_t>(row % height)];
      for (std::int64_t w = 0; w < width; ++w) {
        const auto& horizontal = across.of[static_cast<std::size_t>(w)];
        const Array here = moved(array_of(to), (row * width + w) * channels);
        const auto pixel = [&](std::int64_t h, std::int64_t from_w) {
          return moved(array_of(from), ((row / height * from.size(1) + h) * from.size(2) + from_w) * channels);
        };
        if (vertical.size() == 1 && horizontal.size() == 1 && vertical[0].share * horizontal[0].share == 1.0f) {
          std::memcpy(here.data, pixel(vertical[0].from, horizontal[0].from).data,
                      static_cast<std::size_t>(channels * size));
          continue;
        }
        level_.fill({sums.data(), DType::f32}, 0.0f, {0, channels});
        for (const auto& v : vertical)
          for (const auto& h : horizontal)
            level_.axpy({sums.data(), DType::f32}, pixel(v.from, h.from), v.share * h.share, {0, channels});
        level_.cast(here, {sums.data(), DType::f32}, {0, channels});
      }
    }
  });
}

void CpuImages::average_pool(Tensor& y, const Tensor& x, const Window& window) {
  spread(y, x, SideShares::windows(window.height, y.size(1), x.size(1)),
         SideShares::windows(window.width, y.size(2), x.size(2)));
}

void CpuImages::average_pool_grad(Tensor& dx, const Tensor& dy, const Window& window) {
  spread(dx, dy, SideShares::windows(window.height, dy.size(1), dx.size(1)).turned(dx.size(1)),
         SideShares::windows(window.width, dy.size(2), dx.size(2)).turned(dx.size(2)));
}

void CpuImages::adaptive_average_pool(Tensor& y, const Tensor& x) {
  spread(y, x, SideShares::adaptive(y.size(1), x.size(1)), SideShares::adaptive(y.size(2), x.size(2)));
}

void CpuImages::adaptive_average_pool_grad(Tensor& dx, const Tensor& dy) {
  spread(dx, dy, SideShares::adaptive(dy.size(1), dx.size(1)).turned(dx.size(1)),
         SideShares::adaptive(dy.size(2), dx.size(2)).turned(dx.size(2)));
}

void CpuImages::resample(Tensor& y, const Tensor& x, Resampling how) {
  spread(y, x, SideShares::resampled(y.size(1), x.size(1), how), SideShares::resampled(y.size(2), x.size(2), how));
}

void CpuImages::resample_grad(Tensor& dx, const Tensor& dy, Resampling how) {
  spread(dx, dy, SideShares::resampled(dy.size(1), dx.size(1), how).turned(dx.size(1)),
         SideShares::resampled(dy.size(2), dx.size(2), how).turned(dx.size(2)));
}

namespace {

PoolRows pool_rows(const Tensor& y, const Tensor& where, const Tensor& x, const Window& window) {
  return {.y = array_of(y),
          .x = array_of(x),
          .where = where.data<std::uint8_t>(),
          .out_height = y.size(1),
          .out_width = y.size(2),
          .height = x.size(1),
          .width = x.size(2),
          .channels = x.size(3),
          .window = window};
}

}  // namespace

void CpuImages::max_pool(Tensor& y, Tensor& where, const Tensor& x, const Window& window) {
  const PoolRows pool = pool_rows(y, where, x, window);
  for_range(y.size(0) * y.size(1), y.size(2) * y.size(3) * window.places(),
            [&](Range rows) { images_.max_pool(pool, rows); });
}

void CpuImages::max_pool_grad(Tensor& dx, const Tensor& dy, const Tensor& where, const Window& window) {
  const PoolRows pool = pool_rows(dy, where, dx, window);
  for_range(dx.size(0) * dx.size(1), 4 * dx.size(2) * dx.size(3),
            [&](Range rows) { images_.max_pool_grad(pool, rows); });
}

}  // namespace trireme::cpu
