#include "runtime/kernels/cuda/dnn/graph.h"

#include <algorithm>

namespace trireme::cuda::dnn {
namespace {

constexpr std::int64_t alignment = 16;  // bytes, of every tensor in memory

Descriptor described(std::int64_t name, const Layout& layout, cudnnDataType_t type) {
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::span<const std::int64_t>(layout.sizes))
      .set(CUDNN_ATTR_TENSOR_STRIDES, std::span<const std::int64_t>(layout.strides))
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, name)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment);
  return tensor;
}

// The names of one pass's attributes; its three tensors are in the order of Graph::convolution().
struct PassNames {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t details, result, first, second, alpha, beta;
};

PassNames names_of(ConvolutionPass pass) {
  switch (pass) {
    case ConvolutionPass::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case ConvolutionPass::input_gradient:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case ConvolutionPass::weight_gradient:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
  }
  fail("cudnn convolution", "expected one of three passes, found", static_cast<int>(pass));
}

}  // namespace

cudnnDataType_t data_type(DType dtype) {
  switch (dtype) {
    case DType::f32: return CUDNN_DATA_FLOAT;
    case DType::bf16: return CUDNN_DATA_BFLOAT16;
    case DType::f16: return CUDNN_DATA_HALF;
    default: fail("cudnn", "expected f32, bf16 or f16, found", dtype);
  }
}

Layout packed(std::vector<std::int64_t> sizes) {
  Layout layout{std::move(sizes), {}};
  layout.strides.resize(layout.sizes.size());
  std::int64_t stride = 1;
  for (std::size_t i = layout.sizes.size(); i-- > 0; stride *= layout.sizes[i]) layout.strides[i] = stride;
  return layout;
}

Layout swapped(Layout layout, int one, int other) {
  const auto i = static_cast<std::size_t>(one), j = static_cast<std::size_t>(other);
  std::swap(layout.sizes[i], layout.sizes[j]);
  std::swap(layout.strides[i], layout.strides[j]);
  return layout;
}

Node Graph::add(Descriptor tensor) {
  tensor.finalize();
  tensors_.push_back(std::move(tensor));
  return {static_cast<int>(tensors_.size()) - 1};
}

Node Graph::tensor(std::int64_t name, const Layout& layout, cudnnDataType_t type) {
  return add(described(name, layout, type));
}

Node Graph::scalar(std::int64_t name, int dimensions) {
  const std::vector<std::int64_t> ones(static_cast<std::size_t>(dimensions), 1);
  Descriptor tensor = described(name, {ones, ones}, CUDNN_DATA_FLOAT);
  tensor.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, true);
  return add(std::move(tensor));
}

Node Graph::between(const Layout& layout, cudnnDataType_t type) {
  Descriptor tensor = described(next_hidden_++, layout, type);
  tensor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
  return add(std::move(tensor));
}

Descriptor& Graph::operation(cudnnBackendDescriptorType_t type) {
  return operations_.emplace_back(type);
}
Descriptor& Graph::details(cudnnBackendDescriptorType_t type) {
  return details_.emplace_back(type);
}

void Graph::pointwise(Node y, const Pointwise& how) {
  Descriptor& kind = details(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  kind.set(CUDNN_ATTR_POINTWISE_MODE, how.mode).set(CUDNN_ATTR_POINTWISE_MATH_PREC, how.math);
  if (how.axis) kind.set(CUDNN_ATTR_POINTWISE_AXIS, *how.axis);
  kind.finalize();
  Descriptor& step = operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  step.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, kind)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, at(how.x))
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, at(y));
  if (how.b) step.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, at(*how.b));
  if (how.selector) step.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, at(*how.selector));
  step.finalize();
}

void Graph::matmul(Node c, Node a, Node b) {
  Descriptor& kind = details(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  kind.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT).finalize();
  operation(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR)
      .set(CUDNN_ATTR_OPERATION_MATMUL_DESC, kind)
      .set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, at(a))
      .set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, at(b))
      .set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, at(c))
      .finalize();
}

void Graph::reduce(Node y, Node x, cudnnReduceTensorOp_t how) {
  Descriptor& kind = details(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  kind.set(CUDNN_ATTR_REDUCTION_OPERATOR, how).set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT).finalize();
  operation(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR)
      .set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, kind)
      .set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, at(x))
      .set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, at(y))
      .finalize();
}

void Graph::reshape(Node y, Node x) {
  operation(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR)
      .set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, at(x))
      .set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, at(y))
      .finalize();
}

void Graph::convolution(ConvolutionPass pass, Node result, Node first, Node second, const Convolution& how) {
  using Sizes = std::span<const std::int64_t>;
  Descriptor& kind = details(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  kind.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, static_cast<std::int64_t>(how.before.size()))
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, Sizes(how.before))
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, Sizes(how.after))
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, Sizes(how.stride))
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, Sizes(how.dilation))
      .finalize();
  const PassNames names = names_of(pass);
  operation(names.type)
      .set(names.details, kind)
      .set(names.result, at(result))
      .set(names.first, at(first))
      .set(names.second, at(second))
      .set(names.alpha, 1.0f)
      .set(names.beta, 0.0f)
      .finalize();
}

std::vector<cudnnBackendDescriptor_t> Graph::operations() const {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor& step : operations_) raw.push_back(step.get());
  return raw;
}

}  // namespace trireme::cuda::dnn
