// By cuDNN where it takes a convolution, with channels filled up where its fast engines ask for that; else by our own
// kernels.
#include <optional>

#include "runtime/device/cuda/check.h"
#include "runtime/kernels/cuda/images/image_class.h"
#include "runtime/kernels/cuda/images/library.h"
#include "runtime/kernels/cuda/images/own_convolution.h"
#include "runtime/kernels/cuda/images/padding.h"

namespace trireme::cuda {
namespace {

// Channels as cuDNN gets them: multiples of eight in 16 bits.
std::int64_t widened(std::int64_t channels, DType dtype, std::int64_t groups) {
  return dtype == DType::f32 || groups > 1 ? channels : (channels + 7) / 8 * 8;
}

ConvolutionShape shape_of(const Tensor& x, std::int64_t filters, const Convolution& how, DType result) {
  return {.images = x.size(0),
          .height = x.size(1),
          .width = x.size(2),
          .channels = widened(x.size(3), x.dtype(), how.groups),
          .filters = widened(filters, x.dtype(), how.groups),
          .window = how.window,
          .groups = how.groups,
          .dtype = x.dtype(),
          .result = result};
}

// What is still to be worked on is rounded after that.
DType result_of(const Tensor& y, const Convolution& how, bool padded) {
  return padded || how.bias || how.slope != 1.0f ? DType::f32 : y.dtype();
}

bool aligned(const void* data) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
}

// A tensor's memory as cuDNN gets it: itself, or on loan with `wide` channels in `rows` rows.
class Wide {
 public:
  Wide(CudaDevice& device, const Tensor& x, std::int64_t rows, std::int64_t wide, DType dtype) : data_(x.raw()) {
    const std::int64_t channels = x.size(-1), own_rows = channels == 0 ? 0 : x.numel() / channels;
    if (wide == channels && rows == own_rows && x.dtype() == dtype && aligned(data_)) return;
    loan_.emplace(device.scratch(rows * wide * size_of(dtype)));
    data_ = loan_->data();
  }
  bool lent() const noexcept { return loan_.has_value(); }
  void* data() const noexcept { return data_; }

 private:
  void* data_;
  std::optional<Scratch> loan_;
};

std::int64_t rows_of_weight(const Tensor& weight, const ConvolutionShape& shape) {
  return shape.filters * weight.size(1) * weight.size(2);
}

}  // namespace

// The weights with their filters and channels filled up: rows beyond theirs are cleared first.
void CudaImages::widen_weight(void* to, const Tensor& weight, std::int64_t rows, std::int64_t wide) {
  check(cudaMemsetAsync(to, 0, static_cast<std::size_t>(rows * wide * size_of(weight.dtype())), stream_),
        "cudaMemsetAsync");
  pad_channels({stream_, multiprocessors()}, to, wide, weight);
}

ConvolutionEngine& CudaImages::engine() {
  if (!engine_) engine_ = make_convolution_engine(device_);
  return *engine_;
}

void CudaImages::convolution(Tensor& y, const Tensor& x, const Tensor& weight, const Convolution& how) {
  if (y.numel() == 0) return;
  const OwnConvolution call{stream_, multiprocessors()};
  const bool padded = widened(y.size(3), y.dtype(), how.groups) != y.size(3) || !aligned(y.raw());
  const ConvolutionShape shape = shape_of(x, y.size(3), how, result_of(y, how, padded));
  const std::int64_t group_channels = shape.channels / shape.groups, weight_rows = rows_of_weight(weight, shape);
  const std::int64_t pixels = y.numel() / y.size(3);
  const Wide in(device_, x, x.numel() / x.size(3), shape.channels, x.dtype());
  const Wide filters(device_, weight, weight_rows, group_channels, x.dtype());
  const Wide out(device_, y, pixels, shape.filters, shape.result);
  if (in.lent()) pad_channels(call, in.data(), shape.channels, x);
  if (filters.lent()) widen_weight(filters.data(), weight, weight_rows, group_channels);
  if (!library_convolution(engine(), ConvolutionDirection::forward, shape, {in.data(), filters.data(), out.data()}))
    return own_convolution(call, y, x, weight, how);
  if (out.lent() || how.bias || how.slope != 1.0f)
    finish_channels(call, y, static_cast<const float*>(out.data()), shape.filters, how);
}

void CudaImages::convolution_input(Tensor& dx, const Tensor& dy, const Tensor& weight, const Convolution& how) {
  if (dx.numel() == 0) return;
  const OwnConvolution call{stream_, multiprocessors()};
  if (dy.numel() == 0) return own_convolution_input(call, dx, dy, weight, how);
  const bool padded = widened(dx.size(3), dx.dtype(), how.groups) != dx.size(3) || !aligned(dx.raw());
  const ConvolutionShape shape = shape_of(dx, dy.size(3), how, result_of(dx, how, padded));
  const std::int64_t group_channels = shape.channels / shape.groups, weight_rows = rows_of_weight(weight, shape);
  const Wide in(device_, dy, dy.numel() / dy.size(3), shape.filters, dy.dtype());
  const Wide filters(device_, weight, weight_rows, group_channels, dy.dtype());
  const Wide out(device_, dx, dx.numel() / dx.size(3), shape.channels, shape.result);
  if (in.lent()) pad_channels(call, in.data(), shape.filters, dy);
  if (filters.lent()) widen_weight(filters.data(), weight, weight_rows, group_channels);
  if (!library_convolution(engine(), ConvolutionDirection::input_gradient, shape,
                           {out.data(), filters.data(), in.data()}))
    return own_convolution_input(call, dx, dy, weight, how);
  if (out.lent() || how.bias || how.slope != 1.0f)
    finish_channels(call, dx, static_cast<const float*>(out.data()), shape.channels, how);
}

void CudaImages::convolution_weight(Tensor& dweight, const Tensor& dy, const Tensor& x, const Convolution& how,
                                    bool accumulate) {
  if (dweight.numel() == 0) return;
  const OwnConvolution call{stream_, multiprocessors()};
  if (dy.numel() == 0) return own_convolution_weight(call, dweight, dy, x, how, accumulate);
  const ConvolutionShape shape = shape_of(x, dy.size(3), how, DType::f32);
  const std::int64_t group_channels = shape.channels / shape.groups, weight_rows = rows_of_weight(dweight, shape);
  const Wide in(device_, x, x.numel() / x.size(3), shape.channels, x.dtype());
  const Wide upstream(device_, dy, dy.numel() / dy.size(3), shape.filters, dy.dtype());
  // Into the gradient itself where it has as many channels and filters, and nothing is to be added to.
  const std::int64_t elements = weight_rows * group_channels;
  const bool direct = elements == dweight.numel() && !accumulate && aligned(dweight.raw());
  const Scratch sums = device_.scratch(direct ? 0 : elements * size_of(DType::f32));
  if (in.lent()) pad_channels(call, in.data(), shape.channels, x);
  if (upstream.lent()) pad_channels(call, upstream.data(), shape.filters, dy);
  void* result = direct ? static_cast<void*>(dweight.raw()) : sums.data();
  if (!library_convolution(engine(), ConvolutionDirection::weight_gradient, shape,
                           {in.data(), result, upstream.data()}))
    return own_convolution_weight(call, dweight, dy, x, how, accumulate);
  if (!direct) add_weight_gradient(call, dweight, static_cast<const float*>(result), group_channels, accumulate);
}

}  // namespace trireme::cuda
