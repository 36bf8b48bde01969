#include "runtime/ops/convolution.h"

#include "runtime/ops/shapes.h"

namespace trireme::ops {
namespace {

void check_window(std::string_view op, const Window& window) {
  for (const Side* side : {&window.height, &window.width})
    if (side->filter < 1 || side->stride < 1 || side->dilation < 1 || side->before < 0 || side->after < 0)
      fail(op, "expected a filter, stride and dilation of 1 or more and a padding of 0 or more, found", side->filter,
           side->stride, side->dilation, "and", side->before, side->after);
}

// That `images` x are what windows turn into y, or y into x.
void check_shapes(std::string_view op, const Shape& x, const Shape& y, const Shape& weight,
                  const ConvolutionOptions& options) {
  const Window& window = options.window;
  const std::int64_t groups = options.groups;
  if (weight.dims() != 4 || groups < 1 || weight[0] % groups != 0 || x[3] != weight[3] * groups || y[3] != weight[0] ||
      weight[1] != window.height.filter || weight[2] != window.width.filter)
    fail(op, "expected a weight (K, R, S, C / groups) for", x, "and", y, "with windows of", window.height.filter, "x",
         window.width.filter, "and", groups, "groups, found", weight);
  if (window.height.reach() > x[1] + window.height.before + window.height.after ||
      window.width.reach() > x[2] + window.width.before + window.width.after)
    fail(op, "expected images that a window fits into, with their padding, found", x, "and windows that reach over",
         window.height.reach(), "x", window.width.reach());
  if (window.height.out(x[1]) != y[1] || window.width.out(x[2]) != y[2])
    fail(op, "expected", window.height.out(x[1]), "x", window.width.out(x[2]), "outputs for", x, ", found", y);
}

// The gradient before the slope, and on the way the bias's (input 2).
Tensor before_slope(Gradients& g, const Tensor& y, float slope) {
  const bool mine = g.incoming_is_mine();
  const Tensor dy = g.incoming();
  const std::int64_t channels = y.size(3);
  if (slope == 1.0f) {
    if (g.wants(2))
      g.give_weight(2, {channels},
                    [rows = dy.view({dy.numel() / channels, channels}), kernels = &g.kernels()](
                        Tensor& place, bool accumulate) { kernels->column_sum(place, rows, accumulate); });
    return dy;
  }
  Tensor dpre = mine ? dy : empty_like(dy);
  if (g.wants(2)) {
    auto place = g.destination(2, {channels});
    g.kernels().images().slope_grad(dpre, dy, y, slope, &place.gradient, place.accumulate);
    g.written(2, place.gradient);
  } else {
    g.kernels().images().slope_grad(dpre, dy, y, slope, nullptr, false);
  }
  return dpre;
}

void check_bias(std::string_view op, const Tensor& bias, std::int64_t channels) {
  if (bias && bias.shape() != Shape{channels})
    fail(op, "expected a bias of", channels, "elements, found", bias.shape());
}

// A convolution of x, or, transposed, the way back from a convolution's result to images.
struct Convolved {
  const Tensor &x, &weight, &bias;
  Shape shape;  // of the result
  const ConvolutionOptions& options;
  bool transposed = false;
};

void run(Kernels& kernels, bool transposed, Tensor& y, const Tensor& x, const Tensor& weight, const Convolution& how) {
  if (transposed) {
    kernels.images().convolution_input(y, x, weight, how);
  } else {
    kernels.images().convolution(y, x, weight, how);
  }
}

Tensor convolved(Context& cx, const char* name, const Convolved& c) {
  const Convolution how{.window = c.options.window, .groups = c.options.groups};
  Convolution with_bias = how;
  with_bias.bias = c.bias ? &c.bias : nullptr;
  with_bias.slope = c.options.slope;
  Tensor y = empty(cx.device, c.shape, c.x.dtype());
  run(cx.kernels, c.transposed, y, c.x, c.weight, with_bias);

  const float slope = c.options.slope;
  record(cx, name, {&c.x, &c.weight, &c.bias}, {&y},
         [x = c.x.detached(), weight = c.weight.detached(), y = slope == 1.0f ? Tensor{} : y.detached(), how, slope,
          transposed = c.transposed](Gradients& g) {
           const Tensor dy = before_slope(g, y ? y : g.incoming(), slope);
           if (g.wants(1))
             g.give_weight(1, weight.shape(),
                           [dy, x, how, transposed, kernels = &g.kernels()](Tensor& place, bool accumulate) {
                             const Tensor &images = transposed ? dy : x, &result = transposed ? x : dy;
                             kernels->images().convolution_weight(place, result, images, how, accumulate);
                           });
           if (g.wants(0)) {
             Tensor dx = empty_like(x);
             run(g.kernels(), !transposed, dx, dy, weight, how);
             g.give(0, dx);
           }
         });
  return y;
}

}  // namespace

Tensor convolution(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias,
                   const ConvolutionOptions& options) {
  constexpr const char* op = "convolution";
  same_dtype(op, x, weight);
  if (x.shape().dims() != 4) fail(op, "expected images (N, H, W, C), found", x.shape());
  check_window(op, options.window);
  const Shape shape{x.size(0), options.window.height.out(x.size(1)), options.window.width.out(x.size(2)),
                    weight.size(0)};
  check_shapes(op, x.shape(), shape, weight.shape(), options);
  check_bias(op, bias, shape[3]);
  return convolved(cx, op, {.x = x, .weight = weight, .bias = bias, .shape = shape, .options = options});
}

Tensor transposed_convolution(Context& cx, const Tensor& x, const Tensor& weight, const Tensor& bias,
                              const ConvolutionOptions& options, const Size& size) {
  constexpr const char* op = "transposed_convolution";
  same_dtype(op, x, weight);
  if (x.shape().dims() != 4) fail(op, "expected images (N, P, Q, K), found", x.shape());
  check_window(op, options.window);
  if (weight.shape().dims() != 4) fail(op, "expected a weight (K, R, S, C / groups), found", weight.shape());
  const Shape shape{x.size(0), size.height, size.width, weight.size(3) * options.groups};
  check_shapes(op, shape, x.shape(), weight.shape(), options);
  check_bias(op, bias, shape[3]);
  return convolved(cx, op,
                   {.x = x, .weight = weight, .bias = bias, .shape = shape, .options = options, .transposed = true});
}

}  // namespace trireme::ops
