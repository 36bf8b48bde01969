#include "runtime/ops/pooling.h"

#include "runtime/ops/shapes.h"

namespace trireme::ops {
namespace {

void check_images(std::string_view op, const Tensor& x) {
  if (x.shape().dims() != 4) fail(op, "expected images (N, H, W, C), found", x.shape());
}

Shape pooled(std::string_view op, const Tensor& x, const Window& window) {
  check_images(op, x);
  for (const auto& [side, size] : {std::pair{window.height, x.size(1)}, std::pair{window.width, x.size(2)}}) {
    if (side.filter < 1 || side.stride < 1 || side.dilation < 1 || side.before < 0 || side.after < 0)
      fail(op, "expected windows with a positive size, stride and dilation, found", side.filter, side.stride,
           side.dilation);
    if (2 * side.before > side.reach() || 2 * side.after > side.reach())
      fail(op, "expected a padding of at most half the window's", side.reach(), "pixels, found", side.before, "and",
           side.after);
    if (side.reach() > size + side.before + side.after)
      fail(op, "expected images that a window fits into, found", x.shape(), "and windows that reach over",
           side.reach());
  }
  return {x.size(0), window.height.out(x.size(1)), window.width.out(x.size(2)), x.size(3)};
}

Shape resized(std::string_view op, const Tensor& x, const Size& size) {
  check_images(op, x);
  if (size.height < 1 || size.width < 1) fail(op, "expected a positive size, found", size.height, "x", size.width);
  return {x.size(0), size.height, size.width, x.size(3)};
}

}  // namespace

Tensor max_pool(Context& cx, const Tensor& x, const Window& window) {
  const Shape shape = pooled("max_pool", x, window);
  if (window.places() > 256) fail("max_pool", "expected windows of at most 256 places, found", window.places());
  Tensor y = empty(cx.device, shape, x.dtype()), where = empty(cx.device, shape, DType::u8);
  cx.kernels.images().max_pool(y, where, x, window);
  record(cx, "max_pool", {&x}, {&y}, [where, window, like = x.shape(), dtype = x.dtype()](Gradients& g) {
    Tensor dx = empty(g.device(), like, dtype);
    g.kernels().images().max_pool_grad(dx, g.incoming(), where, window);
    g.give(0, dx);
  });
  return y;
}

Tensor average_pool(Context& cx, const Tensor& x, const Window& window) {
  Tensor y = empty(cx.device, pooled("average_pool", x, window), x.dtype());
  cx.kernels.images().average_pool(y, x, window);
  record(cx, "average_pool", {&x}, {&y}, [window, like = x.shape(), dtype = x.dtype()](Gradients& g) {
    Tensor dx = empty(g.device(), like, dtype);
    g.kernels().images().average_pool_grad(dx, g.incoming(), window);
    g.give(0, dx);
  });
  return y;
}

Tensor adaptive_average_pool(Context& cx, const Tensor& x, const Size& size) {
  Tensor y = empty(cx.device, resized("adaptive_average_pool", x, size), x.dtype());
  cx.kernels.images().adaptive_average_pool(y, x);
  record(cx, "adaptive_average_pool", {&x}, {&y}, [like = x.shape(), dtype = x.dtype()](Gradients& g) {
    Tensor dx = empty(g.device(), like, dtype);
    g.kernels().images().adaptive_average_pool_grad(dx, g.incoming());
    g.give(0, dx);
  });
  return y;
}

Tensor resample(Context& cx, const Tensor& x, const Size& size, Resampling how) {
  Tensor y = empty(cx.device, resized("resample", x, size), x.dtype());
  cx.kernels.images().resample(y, x, how);
  record(cx, "resample", {&x}, {&y}, [how, like = x.shape(), dtype = x.dtype()](Gradients& g) {
    Tensor dx = empty(g.device(), like, dtype);
    g.kernels().images().resample_grad(dx, g.incoming(), how);
    g.give(0, dx);
  });
  return y;
}

Tensor join_channels(Context& cx, const Tensor& a, const Tensor& b) {
  check_images("join_channels", a);
  same_dtype("join_channels", a, b);
  const std::int64_t first = a.size(3), second = b.size(-1);
  if (b.shape().dims() != 4 || with_last(b.shape(), first) != a.shape())
    fail("join_channels", "expected images of one size, found", a.shape(), "and", b.shape());
  Tensor y = empty(cx.device, with_last(a.shape(), first + second), a.dtype());
  cx.kernels.images().copy_channels(y, 0, a, 0, first);
  cx.kernels.images().copy_channels(y, first, b, 0, second);
  record(cx, "join_channels", {&a, &b}, {&y}, [left = a.shape(), right = b.shape(), dtype = a.dtype()](Gradients& g) {
    const auto part = [&](int input, const Shape& shape, std::int64_t from) {
      if (!g.wants(input)) return;
      Tensor dx = empty(g.device(), shape, dtype);
      g.kernels().images().copy_channels(dx, 0, g.incoming(), from, shape[-1]);
      g.give(input, dx);
    };
    part(0, left, 0);
    part(1, right, left[-1]);
  });
  return y;
}

}  // namespace trireme::ops
