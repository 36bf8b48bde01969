// A graph of cuDNN operations, written down one operation after another. Nothing here needs a GPU.
#pragma once

#include <cudnn.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "runtime/base/dtype.h"
#include "runtime/kernels/cuda/dnn/descriptor.h"

namespace trireme::cuda::dnn {

cudnnDataType_t data_type(DType dtype);

// Sizes and strides in elements, in cuDNN's order of dimensions.
struct Layout {
  std::vector<std::int64_t> sizes, strides;
};
// The last dimension innermost, without gaps.
Layout packed(std::vector<std::int64_t> sizes);
// The same elements with two dimensions swapped.
Layout swapped(Layout layout, int one, int other);

// A tensor of the graph that made it.
struct Node {
  int index = -1;
};

struct Convolution {
  std::vector<std::int64_t> before, after;  // padding; one entry per spatial dimension, as of the others
  std::vector<std::int64_t> stride, dilation;
};
enum class ConvolutionPass : std::uint8_t { forward, input_gradient, weight_gradient };

class Graph {
 public:
  // In memory at run time, under a name of the caller's.
  Node tensor(std::int64_t name, const Layout& layout, cudnnDataType_t type);
  // One fp32 number that is given at run time from host memory. It has as many dimensions as what it meets.
  Node scalar(std::int64_t name, int dimensions);
  // Between two operations, never in memory.
  Node between(const Layout& layout, cudnnDataType_t type = CUDNN_DATA_FLOAT);

  struct Pointwise {
    cudnnPointwiseMode_t mode;
    Node x;
    std::optional<Node> b = {};
    std::optional<Node> selector = {};  // of BINARY_SELECT
    cudnnDataType_t math = CUDNN_DATA_FLOAT;
    std::optional<std::int64_t> axis = {};  // of GEN_INDEX
  };
  void pointwise(Node y, const Pointwise& how);
  // c = a b over the last two dimensions; the ones before may repeat in b.
  void matmul(Node c, Node a, Node b);
  // y = x reduced over the dimensions where y has size 1 and x has not.
  void reduce(Node y, Node x, cudnnReduceTensorOp_t how);
  // The same elements in another layout.
  void reshape(Node y, Node x);
  // Cross-correlation of images (N, C, spatial...) with weights (K, C, spatial...). `result` is what the pass computes;
  // the two others are, in this order: forward x, weights; input_gradient dy, weights; weight_gradient dy, x.
  void convolution(ConvolutionPass pass, Node result, Node first, Node second, const Convolution& how);

  // In the order of their writing.
  std::vector<cudnnBackendDescriptor_t> operations() const;

 private:
  const Descriptor& at(Node node) const { return tensors_.at(static_cast<std::size_t>(node.index)); }
  Node add(Descriptor tensor);
  Descriptor& operation(cudnnBackendDescriptorType_t type);
  // A descriptor of an operation's details, alive as long as the graph.
  Descriptor& details(cudnnBackendDescriptorType_t type);

  std::deque<Descriptor> tensors_, details_, operations_;
  std::int64_t next_hidden_ = 1 << 20;  // names of what is never in memory
};

}  // namespace trireme::cuda::dnn
