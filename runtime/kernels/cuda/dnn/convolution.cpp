#include "runtime/kernels/cuda/dnn/convolution.h"

namespace trireme::cuda::dnn {
namespace {

// cuDNN names the sizes of images (N, C, H, W) wherever the channels lie; here they lie innermost.
Layout channels_last(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
  return {{n, c, h, w}, {h * w * c, 1, w * c, c}};
}

}  // namespace

Graph convolution(const ConvolutionShape& shape, ConvolutionPass pass) {
  const cudnnDataType_t type = data_type(shape.dtype);
  Graph graph;
  const Node x = graph.tensor(static_cast<std::int64_t>(ConvolutionName::x),
                              channels_last(shape.images, shape.channels, shape.height, shape.width), type);
  const Node weights =
      graph.tensor(static_cast<std::int64_t>(ConvolutionName::weights),
                   channels_last(shape.filters, shape.channels, shape.filter_height, shape.filter_width), type);
  const Node y = graph.tensor(static_cast<std::int64_t>(ConvolutionName::y),
                              channels_last(shape.images, shape.filters, shape.out_height(), shape.out_width()), type);
  const Convolution how{.padding = {shape.padding, shape.padding},
                        .stride = {shape.stride, shape.stride},
                        .dilation = {shape.dilation, shape.dilation}};
  switch (pass) {
    case ConvolutionPass::forward: graph.convolution(pass, y, x, weights, how); break;
    case ConvolutionPass::input_gradient: graph.convolution(pass, x, y, weights, how); break;
    case ConvolutionPass::weight_gradient: graph.convolution(pass, weights, y, x, how); break;
  }
  return graph;
}

}  // namespace trireme::cuda::dnn
