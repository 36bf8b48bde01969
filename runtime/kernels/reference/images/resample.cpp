#include <algorithm>
#include <cmath>

#include "runtime/kernels/reference/images/image_class.h"
#include "runtime/kernels/reference/images/places.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

// The two neighbours that pixel `at` of a side is made of, and the second one's share.
struct Neighbours {
  std::int64_t first, second;
  double share;
};

Neighbours neighbours(std::int64_t at, std::int64_t out, std::int64_t in, Resampling how) {
  if (how == Resampling::nearest) return {at * in / out, at * in / out, 0};
  const double centre =
      std::max(0.0, (static_cast<double>(at) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5);
  const auto first = std::min(static_cast<std::int64_t>(centre), in - 1);
  return {first, std::min(first + 1, in - 1), centre - static_cast<double>(first)};
}

// visit(element of y, element of x, share).
template <class Visit>
void for_shares(const Image& x, const Image& y, Resampling how, Visit&& visit) {
  for (std::int64_t n = 0; n < y.images; ++n)
    for (std::int64_t p = 0; p < y.height; ++p)
      for (std::int64_t q = 0; q < y.width; ++q) {
        const Neighbours rows = neighbours(p, y.height, x.height, how), across = neighbours(q, y.width, x.width, how);
        for (std::int64_t c = 0; c < y.channels; ++c) {
          const std::size_t at = y.at(n, p, q, c);
          visit(at, x.at(n, rows.first, across.first, c), (1 - rows.share) * (1 - across.share));
          visit(at, x.at(n, rows.first, across.second, c), (1 - rows.share) * across.share);
          visit(at, x.at(n, rows.second, across.first, c), rows.share * (1 - across.share));
          visit(at, x.at(n, rows.second, across.second, c), rows.share * across.share);
        }
      }
}

}  // namespace

void ReferenceImages::resample(Tensor& y, const Tensor& x, Resampling how) {
  const Values from = load(x);
  Values values(static_cast<std::size_t>(y.numel()));
  for_shares(Image(x), Image(y), how,
             [&](std::size_t to, std::size_t at, double share) { values[to] += share * from[at]; });
  store(y, values);
}

void ReferenceImages::resample_grad(Tensor& dx, const Tensor& dy, Resampling how) {
  const Values from = load(dy);
  Values gradient(static_cast<std::size_t>(dx.numel()));
  for_shares(Image(dx), Image(dy), how,
             [&](std::size_t at, std::size_t to, double share) { gradient[to] += share * from[at]; });
  store(dx, gradient);
}

}  // namespace trireme::reference
