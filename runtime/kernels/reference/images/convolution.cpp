#include "runtime/kernels/reference/images/image_class.h"
#include "runtime/kernels/reference/images/places.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

// visit(element of y, element of x, element of the weight) for every product of a convolution.
template <class Visit>
void for_products(const Tensor& x, const Tensor& y, const Tensor& weight, const Convolution& how, Visit&& visit) {
  const Image in(x), out(y);
  const std::int64_t group_in = in.channels / how.groups, group_out = out.channels / how.groups;
  const std::int64_t filter_width = weight.size(2);
  for_places(
      in, out, how.window,
      [&](std::int64_t n, std::int64_t p, std::int64_t q, std::int64_t r, std::int64_t s, std::int64_t h,
          std::int64_t w) {
        for (std::int64_t k = 0; k < out.channels; ++k)
          for (std::int64_t c = 0; c < group_in; ++c)
            visit(out.at(n, p, q, k), in.at(n, h, w, k / group_out * group_in + c),
                  static_cast<std::size_t>(((k * how.window.height.filter + r) * filter_width + s) * group_in + c));
      });
}

void finish(Tensor& y, Values values, const Convolution& how) {
  const auto channels = static_cast<std::size_t>(y.size(3));
  const Values bias = how.bias ? load(*how.bias) : Values(channels);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = sloped(values[i] + bias[i % channels], how.slope);
  store(y, values);
}

}  // namespace

void ReferenceImages::convolution(Tensor& y, const Tensor& x, const Tensor& weight, const Convolution& how) {
  const Values in = load(x), filters = load(weight);
  Values out(static_cast<std::size_t>(y.numel()));
  for_products(x, y, weight, how,
               [&](std::size_t to, std::size_t from, std::size_t by) { out[to] += in[from] * filters[by]; });
  finish(y, std::move(out), how);
}

void ReferenceImages::convolution_input(Tensor& dx, const Tensor& dy, const Tensor& weight, const Convolution& how) {
  const Values in = load(dy), filters = load(weight);
  Values out(static_cast<std::size_t>(dx.numel()));
  for_products(dx, dy, weight, how,
               [&](std::size_t from, std::size_t to, std::size_t by) { out[to] += in[from] * filters[by]; });
  finish(dx, std::move(out), how);
}

void ReferenceImages::convolution_weight(Tensor& dweight, const Tensor& dy, const Tensor& x, const Convolution& how,
                                         bool accumulate) {
  const Values in = load(x), upstream = load(dy);
  Values out(static_cast<std::size_t>(dweight.numel()));
  for_products(x, dy, dweight, how,
               [&](std::size_t from, std::size_t by, std::size_t to) { out[to] += upstream[from] * in[by]; });
  store_gradient(dweight, out, accumulate);
}

void ReferenceImages::slope_grad(Tensor& dx, const Tensor& dy, const Tensor& y, float slope, Tensor* dbias,
                                 bool accumulate) {
  Values gradient = load(dy);
  const Values result = load(y);
  const auto channels = static_cast<std::size_t>(columns_of(y));
  Values sums(channels);
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    if (!(result[i] > 0)) gradient[i] *= double{slope};
    sums[i % channels] += gradient[i];
  }
  store(dx, gradient);
  if (dbias) store_gradient(*dbias, sums, accumulate);
}

}  // namespace trireme::reference
