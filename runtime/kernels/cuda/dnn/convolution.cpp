#include "runtime/kernels/cuda/dnn/convolution.h"

namespace trireme::cuda::dnn {
namespace {

// cuDNN names the sizes of images (N, C, H, W) wherever the channels lie; here they lie innermost.
Layout channels_last(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
  return {{n, c, h, w}, {h * w * c, 1, w * c, c}};
}

}  // namespace

Graph convolution(const ConvolutionShape& shape, ConvolutionPass pass) {
  const Layout x_layout = channels_last(shape.images, shape.channels, shape.height, shape.width);
  const Layout weights_layout = channels_last(shape.filters, shape.channels / shape.groups, shape.window.height.filter,
                                              shape.window.width.filter);
  const Layout y_layout = channels_last(shape.images, shape.filters, shape.out_height(), shape.out_width());
  Graph graph;
  const auto tensor = [&](ConvolutionPass computes, ConvolutionName name, const Layout& layout) {
    return graph.tensor(static_cast<std::int64_t>(name), layout,
                        data_type(pass == computes ? shape.result : shape.dtype));
  };
  const Node x = tensor(ConvolutionPass::input_gradient, ConvolutionName::x, x_layout);
  const Node weights = tensor(ConvolutionPass::weight_gradient, ConvolutionName::weights, weights_layout);
  const Node y = tensor(ConvolutionPass::forward, ConvolutionName::y, y_layout);
  const Side &down = shape.window.height, &across = shape.window.width;
  const Convolution how{.before = {down.before, across.before},
                        .after = {down.after, across.after},
                        .stride = {down.stride, across.stride},
                        .dilation = {down.dilation, across.dilation}};
  // Sums of 16-bit products are written in fp32 by what may follow a convolution alone, so something does.
  const auto write = [&](Node result, const Layout& layout, Node first, Node second) {
    if (shape.result == shape.dtype) return graph.convolution(pass, result, first, second, how);
    const Node sums = graph.between(layout);
    graph.convolution(pass, sums, first, second, how);
    graph.pointwise(result, {.mode = CUDNN_POINTWISE_IDENTITY, .x = sums});
  };
  switch (pass) {
    case ConvolutionPass::forward: write(y, y_layout, x, weights); break;
    case ConvolutionPass::input_gradient: write(x, x_layout, y, weights); break;
    case ConvolutionPass::weight_gradient: write(weights, weights_layout, y, x); break;
  }
  return graph;
}

}  // namespace trireme::cuda::dnn
