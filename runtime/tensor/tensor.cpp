#include "runtime/tensor/tensor.h"

#include <utility>

#include "runtime/base/sizes.h"

namespace trireme {

Tensor::Tensor(Device& device, std::shared_ptr<Storage> storage, std::int64_t offset, Shape shape, DType dtype)
    : storage_(std::move(storage)),
      device_(&device),
      offset_(offset),
      numel_(shape.numel()),
      shape_(shape),
      dtype_(dtype) {
  if (offset < 0 || offset > storage_->bytes() || bytes() > storage_->bytes() - offset)
    fail("tensor", "expected a view inside storage of", storage_->bytes(), "bytes, found offset", offset, "and shape",
         shape, "of", dtype);
}

Tensor Tensor::view(const Shape& shape) const {
  if (shape.numel() != numel_) fail("view", "expected a shape of", numel_, "elements, found", shape);
  Tensor result = *this;
  result.shape_ = shape;
  result.mark = {};
  return result;
}

Tensor Tensor::rows(std::int64_t begin, std::int64_t end) const {
  const std::int64_t count = shape_[0];
  if (begin < 0 || end < begin || end > count)
    fail("rows", "expected a range within", count, "rows, found [", begin, ",", end, ")");
  const std::int64_t row = count == 0 ? 0 : numel_ / count;
  std::vector<std::int64_t> sizes(shape_.begin(), shape_.end());
  sizes[0] = end - begin;
  return Tensor(*device_, storage_, offset_ + begin * row * size_of(dtype_), Shape(sizes), dtype_);
}

Tensor Tensor::range(std::int64_t begin, std::int64_t end) const {
  if (begin < 0 || end < begin || end > numel_)
    fail("range", "expected a range within", numel_, "elements, found [", begin, ",", end, ")");
  return Tensor(*device_, storage_, offset_ + begin * size_of(dtype_), Shape{end - begin}, dtype_);
}

Tensor Tensor::detached() const {
  Tensor result = *this;
  result.mark = {};
  return result;
}

Tensor empty(Device& device, const Shape& shape, DType dtype, MemoryKind kind) {
  const std::int64_t bytes = checked_bytes("memory", "a tensor", {shape.begin(), shape.end()}, dtype);
  return Tensor(device, device.allocate(bytes, kind), 0, shape, dtype);
}

std::vector<float> to_floats(const Tensor& tensor) {
  if (tensor.dtype() == DType::f64) {
    const std::vector<double> values = to_host<double>(tensor);
    return {values.begin(), values.end()};
  }
  return visit_compute_type("to_floats", tensor.dtype(), [&]<class T>(T) {
    const std::vector<T> values = to_host<T>(tensor);
    std::vector<float> result;
    result.reserve(values.size());
    for (T value : values) result.push_back(static_cast<float>(value));
    return result;
  });
}

}  // namespace trireme
