// Tensors are values: a shape, a dtype and a contiguous range of shared storage. No arithmetic here.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/base/dtype.h"
#include "runtime/base/shape.h"
#include "runtime/device/device.h"

namespace trireme {

class Leaf;  // autograd: a parameter's value and gradient

// Where a tensor stands on a tape: an output of a recorded operation, or a leaf. Opaque below `autograd`.
struct TapeMark {
  const void* tape = nullptr;
  std::uint32_t generation = 0;
  std::int32_t slot = -1;
  Leaf* leaf = nullptr;
};

class Tensor {
 public:
  Tensor() = default;  // undefined
  // A view of `storage` from byte `offset`.
  Tensor(Device& device, std::shared_ptr<Storage> storage, std::int64_t offset, Shape shape, DType dtype);

  explicit operator bool() const noexcept { return storage_ != nullptr; }
  const Shape& shape() const noexcept { return shape_; }
  std::int64_t size(int dim) const { return shape_[dim]; }
  std::int64_t numel() const noexcept { return numel_; }
  std::int64_t bytes() const noexcept { return numel_ * size_of(dtype_); }
  DType dtype() const noexcept { return dtype_; }
  Device& device() const noexcept { return *device_; }
  const std::shared_ptr<Storage>& storage() const noexcept { return storage_; }
  std::int64_t offset() const noexcept { return offset_; }

  // The first byte on the device; null on a dry device.
  std::byte* raw() const noexcept { return storage_->data() ? storage_->data() + offset_ : nullptr; }
  // The elements, for kernels and for CPU tensors; T must be the dtype's type.
  template <class T>
  T* data() const {
    if (dtype_of<T> != dtype_) fail("tensor", "expected elements of", dtype_of<T>, "found", dtype_);
    return reinterpret_cast<T*>(raw());
  }

  // The same elements under another shape (same number of elements).
  Tensor view(const Shape& shape) const;
  // Rows [begin, end) of the outermost dimension.
  Tensor rows(std::int64_t begin, std::int64_t end) const;
  // Elements [begin, end) as one dimension.
  Tensor range(std::int64_t begin, std::int64_t end) const;
  // The same elements, forgotten by autograd.
  Tensor detached() const;

  TapeMark mark;  // set by autograd alone

 private:
  std::shared_ptr<Storage> storage_;
  Device* device_ = nullptr;
  std::int64_t offset_ = 0;
  std::int64_t numel_ = 0;
  Shape shape_;
  DType dtype_ = DType::f32;
};

// Uninitialised.
Tensor empty(Device& device, const Shape& shape, DType dtype, MemoryKind kind = MemoryKind::activations);
inline Tensor empty_like(const Tensor& x) { return empty(x.device(), x.shape(), x.dtype()); }

// Between host and device; sizes must match.
template <class T>
Tensor from_host(Device& device, std::span<const T> values, const Shape& shape,
                 MemoryKind kind = MemoryKind::activations) {
  Tensor tensor = empty(device, shape, dtype_of<T>, kind);
  if (static_cast<std::int64_t>(values.size()) != tensor.numel())
    fail("from_host", "expected", tensor.numel(), "values for shape", shape, "found", values.size());
  device.copy_from_host(tensor.raw(), values.data(), tensor.bytes());
  return tensor;
}
template <class T>
std::vector<T> to_host(const Tensor& tensor) {
  std::vector<T> values(static_cast<std::size_t>(tensor.numel()));
  if (dtype_of<T> != tensor.dtype()) fail("to_host", "expected", dtype_of<T>, "found", tensor.dtype());
  tensor.device().copy_to_host(values.data(), tensor.raw(), tensor.bytes());
  return values;
}
// Any floating-point tensor as fp32.
std::vector<float> to_floats(const Tensor& tensor);

}  // namespace trireme
