// Convolutions of images as cuDNN graphs: NHWC activations, KRSC weights, in the three passes.
#pragma once

#include <cstdint>

#include "runtime/kernels/cuda/dnn/graph.h"
#include "runtime/kernels/cuda/images/convolution_shape.h"

namespace trireme::cuda::dnn {

// cuDNN's fast engines for 16-bit types want C and K in multiples of 8: pad a stem's channels to that.
using cuda::ConvolutionShape;

// Names of the graph's tensors in memory: of each pass, what it computes, and its two inputs.
enum class ConvolutionName : std::int64_t { x = 1, weights, y };

// forward: y from x and weights; input_gradient: x's from y's and the weights; weight_gradient: the weights' from y's
// and x. Gradients carry the name of what they are the gradient of.
Graph convolution(const ConvolutionShape& shape, ConvolutionPass pass);

}  // namespace trireme::cuda::dnn
