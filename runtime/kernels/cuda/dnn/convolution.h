// Convolutions of images as cuDNN graphs: NHWC activations, KRSC weights, in the three passes.
#pragma once

#include <cstdint>

#include "runtime/base/dtype.h"
#include "runtime/kernels/cuda/dnn/graph.h"

namespace trireme::cuda::dnn {

// x (N, H, W, C), weights (K, R, S, C), y (N, P, Q, K) with P = (H + 2 padding - dilation (R - 1) - 1) / stride + 1.
// cuDNN's fast engines for 16-bit types want C and K in multiples of 8: pad a stem's channels to that.
struct ConvolutionShape {
  std::int64_t images = 1, height = 1, width = 1, channels = 8;
  std::int64_t filters = 8, filter_height = 1, filter_width = 1;
  std::int64_t padding = 0, stride = 1, dilation = 1;
  DType dtype = DType::bf16;  // of all three tensors: 16-bit weight gradients are summed in fp32 and rounded once

  std::int64_t out_height() const { return out(height, filter_height); }
  std::int64_t out_width() const { return out(width, filter_width); }
  friend bool operator==(const ConvolutionShape&, const ConvolutionShape&) = default;

 private:
  std::int64_t out(std::int64_t size, std::int64_t filter) const {
    return (size + 2 * padding - dilation * (filter - 1) - 1) / stride + 1;
  }
};

// Names of the graph's tensors in memory: of each pass, what it computes, and its two inputs.
enum class ConvolutionName : std::int64_t { x = 1, weights, y };

// forward: y from x and weights; input_gradient: x's from y's and the weights; weight_gradient: the weights' from y's
// and x. Gradients carry the name of what they are the gradient of.
Graph convolution(const ConvolutionShape& shape, ConvolutionPass pass);

}  // namespace trireme::cuda::dnn
