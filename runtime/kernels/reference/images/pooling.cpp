#include <cmath>

#include "runtime/kernels/reference/images/image_class.h"
#include "runtime/kernels/reference/images/places.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

// visit(element of y, element of x, share) for every pair of which one is averaged into the other.
template <class Visit>
void for_adaptive(const Image& x, const Image& y, Visit&& visit) {
  for (std::int64_t n = 0; n < y.images; ++n)
    for (std::int64_t p = 0; p < y.height; ++p)
      for (std::int64_t q = 0; q < y.width; ++q) {
        const std::int64_t top = p * x.height / y.height, left = q * x.width / y.width;
        const std::int64_t bottom = ((p + 1) * x.height + y.height - 1) / y.height;
        const std::int64_t right = ((q + 1) * x.width + y.width - 1) / y.width;
        const double share = 1.0 / static_cast<double>((bottom - top) * (right - left));
        for (std::int64_t h = top; h < bottom; ++h)
          for (std::int64_t w = left; w < right; ++w)
            for (std::int64_t c = 0; c < y.channels; ++c) visit(y.at(n, p, q, c), x.at(n, h, w, c), share);
      }
}

}  // namespace

void ReferenceImages::max_pool(Tensor& y, Tensor& where, const Tensor& x, const Window& window) {
  const Image in(x), out(y);
  const Values from = load(x);
  Values largest(static_cast<std::size_t>(y.numel())), place(largest.size(), -1.0);
  for_places(in, out, window,
             [&](std::int64_t n, std::int64_t p, std::int64_t q, std::int64_t r, std::int64_t s, std::int64_t h,
                 std::int64_t w) {
               for (std::int64_t c = 0; c < out.channels; ++c) {
                 const std::size_t to = out.at(n, p, q, c);
                 const double value = from[in.at(n, h, w, c)];
                 if (place[to] >= 0 && !(value > largest[to]) && !std::isnan(value)) continue;
                 largest[to] = value;
                 place[to] = static_cast<double>(r * window.width.filter + s);
               }
             });
  store(y, largest);
  store(where, place);
}

void ReferenceImages::max_pool_grad(Tensor& dx, const Tensor& dy, const Tensor& where, const Window& window) {
  const Image in(dx), out(dy);
  const Values from = load(dy), place = load(where);
  Values gradient(static_cast<std::size_t>(dx.numel()));
  for_places(in, out, window,
             [&](std::int64_t n, std::int64_t p, std::int64_t q, std::int64_t r, std::int64_t s, std::int64_t h,
                 std::int64_t w) {
               const auto here = static_cast<double>(r * window.width.filter + s);
               for (std::int64_t c = 0; c < out.channels; ++c) {
                 const std::size_t at = out.at(n, p, q, c);
                 if (place[at] == here) gradient[in.at(n, h, w, c)] += from[at];
               }
             });
  store(dx, gradient);
}

void ReferenceImages::average_pool(Tensor& y, const Tensor& x, const Window& window) {
  const Image in(x), out(y);
  const Values from = load(x);
  Values sums(static_cast<std::size_t>(y.numel()));
  for_places(
      in, out, window,
      [&](std::int64_t n, std::int64_t p, std::int64_t q, std::int64_t, std::int64_t, std::int64_t h, std::int64_t w) {
        for (std::int64_t c = 0; c < out.channels; ++c) sums[out.at(n, p, q, c)] += from[in.at(n, h, w, c)];
      });
  for (double& sum : sums) sum /= static_cast<double>(window.places());
  store(y, sums);
}

void ReferenceImages::average_pool_grad(Tensor& dx, const Tensor& dy, const Window& window) {
  const Image in(dx), out(dy);
  const Values from = load(dy);
  Values gradient(static_cast<std::size_t>(dx.numel()));
  const auto places = static_cast<double>(window.places());
  for_places(
      in, out, window,
      [&](std::int64_t n, std::int64_t p, std::int64_t q, std::int64_t, std::int64_t, std::int64_t h, std::int64_t w) {
        for (std::int64_t c = 0; c < out.channels; ++c)
          gradient[in.at(n, h, w, c)] += from[out.at(n, p, q, c)] / places;
      });
  store(dx, gradient);
}

void ReferenceImages::adaptive_average_pool(Tensor& y, const Tensor& x) {
  const Values from = load(x);
  Values averages(static_cast<std::size_t>(y.numel()));
  for_adaptive(Image(x), Image(y),
               [&](std::size_t to, std::size_t at, double share) { averages[to] += share * from[at]; });
  store(y, averages);
}

void ReferenceImages::adaptive_average_pool_grad(Tensor& dx, const Tensor& dy) {
  const Values from = load(dy);
  Values gradient(static_cast<std::size_t>(dx.numel()));
  for_adaptive(Image(dx), Image(dy),
               [&](std::size_t at, std::size_t to, double share) { gradient[to] += share * from[at]; });
  store(dx, gradient);
}

}  // namespace trireme::reference
