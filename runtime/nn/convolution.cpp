#include "runtime/nn/convolution.h"

#include "runtime/device/timeline.h"

namespace trireme::nn {
namespace {

Shape weight_shape(std::int64_t outer, std::int64_t inner, const ConvolutionOptions& options) {
  require(outer > 0 && inner > 0 && options.groups > 0 && outer % options.groups == 0 && inner % options.groups == 0,
          "convolution", "expected positive numbers of channels that the groups divide, found", inner, "and", outer,
          "with", options.groups, "groups");
  return {outer, options.window.height.filter, options.window.width.filter, inner / options.groups};
}

ops::ConvolutionOptions op_options(const ConvolutionOptions& options) {
  return {.window = options.window, .groups = options.groups, .slope = options.slope};
}

double products(const Parameter& weight, const ops::Size& pixels) {
  return 2.0 * static_cast<double>(weight.numel()) * static_cast<double>(pixels.height * pixels.width);
}

}  // namespace

Window square(std::int64_t filter, std::int64_t stride, std::int64_t padding, std::int64_t dilation) {
  const Side side{.filter = filter, .stride = stride, .dilation = dilation, .before = padding, .after = padding};
  return {side, side};
}

Window same(std::int64_t filter, std::int64_t dilation) {
  Side side{.filter = filter, .dilation = dilation};
  side.before = (side.reach() - 1) / 2;
  side.after = side.reach() - 1 - side.before;
  return {side, side};
}

Conv2d::Conv2d(std::int64_t in, std::int64_t out, const ConvolutionOptions& options)
    : weight(weight_shape(out, in, options), options.weight), bias({out}, options.bias_init), options_(options) {
  add("weight", weight);
  if (options.bias) add("bias", bias);
}

Tensor Conv2d::forward(Context& cx, const Tensor& x) {
  const TimeRange range(cx.device, path());
  return ops::convolution(cx, x, weight.tensor(), options_.bias ? bias.tensor() : Tensor{}, op_options(options_));
}

ops::Size Conv2d::out(const ops::Size& image) const {
  return {options_.window.height.out(image.height), options_.window.width.out(image.width)};
}

double Conv2d::flops(const ops::Size& image) const {
  return products(weight, out(image));
}

ConvTranspose2d::ConvTranspose2d(std::int64_t in, std::int64_t out, const ConvolutionOptions& options)
    : weight(weight_shape(in, out, options), options.weight), bias({out}, options.bias_init), options_(options) {
  add("weight", weight);
  if (options.bias) add("bias", bias);
}

ops::Size ConvTranspose2d::out(const ops::Size& image) const {
  const auto length = [](const Side& side, std::int64_t size) {
    return (size - 1) * side.stride + side.reach() - side.before - side.after;
  };
  return {length(options_.window.height, image.height), length(options_.window.width, image.width)};
}

Tensor ConvTranspose2d::forward(Context& cx, const Tensor& x) {
  const TimeRange range(cx.device, path());
  return ops::transposed_convolution(cx, x, weight.tensor(), options_.bias ? bias.tensor() : Tensor{},
                                     op_options(options_), out({x.size(1), x.size(2)}));
}

double ConvTranspose2d::flops(const ops::Size& image) const {
  return products(weight, image);
}

}  // namespace trireme::nn
