// A backend descriptor of cuDNN, owned, with its attributes set by C++ type.
#pragma once

#include <cudnn.h>

#include <concepts>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "runtime/kernels/cuda/dnn/status.h"

namespace trireme::cuda::dnn {

template <class T>
struct AttributeType;
template <>
struct AttributeType<std::int64_t> {
  static constexpr auto value = CUDNN_TYPE_INT64;
};
template <>
struct AttributeType<std::int32_t> {
  static constexpr auto value = CUDNN_TYPE_INT32;
};
template <>
struct AttributeType<float> {
  static constexpr auto value = CUDNN_TYPE_FLOAT;
};
template <>
struct AttributeType<double> {
  static constexpr auto value = CUDNN_TYPE_DOUBLE;
};
template <>
struct AttributeType<bool> {
  static constexpr auto value = CUDNN_TYPE_BOOLEAN;
};
template <>
struct AttributeType<char> {
  static constexpr auto value = CUDNN_TYPE_CHAR;
};
template <>
struct AttributeType<cudnnHandle_t> {
  static constexpr auto value = CUDNN_TYPE_HANDLE;
};
template <>
struct AttributeType<cudnnDataType_t> {
  static constexpr auto value = CUDNN_TYPE_DATA_TYPE;
};
template <>
struct AttributeType<cudnnPointwiseMode_t> {
  static constexpr auto value = CUDNN_TYPE_POINTWISE_MODE;
};
template <>
struct AttributeType<cudnnConvolutionMode_t> {
  static constexpr auto value = CUDNN_TYPE_CONVOLUTION_MODE;
};
template <>
struct AttributeType<cudnnReduceTensorOp_t> {
  static constexpr auto value = CUDNN_TYPE_REDUCTION_OPERATOR_TYPE;
};
template <>
struct AttributeType<cudnnBackendHeurMode_t> {
  static constexpr auto value = CUDNN_TYPE_HEUR_MODE;
};
template <>
struct AttributeType<cudnnBackendNumericalNote_t> {
  static constexpr auto value = CUDNN_TYPE_NUMERICAL_NOTE;
};

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    check(cudnnBackendCreateDescriptor(type, &raw_), "cudnn descriptor");
  }
  Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Descriptor() {
    if (raw_) cudnnBackendDestroyDescriptor(raw_);
  }

  cudnnBackendDescriptor_t get() const noexcept { return raw_; }

  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, const T& value) {
    return set_raw(name, AttributeType<T>::value, 1, &value);
  }
  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, std::span<const T> values) {
    return set_raw(name, AttributeType<T>::value, static_cast<std::int64_t>(values.size()), values.data());
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& value) {
    return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.raw_);
  }
  Descriptor& set_descriptors(cudnnBackendAttributeName_t name, std::span<const cudnnBackendDescriptor_t> values) {
    return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(values.size()), values.data());
  }
  Descriptor& set_pointers(cudnnBackendAttributeName_t name, std::span<void* const> values) {
    return set_raw(name, CUDNN_TYPE_VOID_PTR, static_cast<std::int64_t>(values.size()), values.data());
  }
  Descriptor& finalize() {
    check(cudnnBackendFinalize(raw_), "cudnn descriptor");
    return *this;
  }
  // For descriptors that cuDNN may turn down without that being an error.
  cudnnStatus_t try_finalize() noexcept { return cudnnBackendFinalize(raw_); }

  // Up to `most` values.
  template <class T>
  std::vector<T> get(cudnnBackendAttributeName_t name, std::int64_t most) const {
    std::vector<T> values(static_cast<std::size_t>(most));
    std::int64_t count = 0;
    check(cudnnBackendGetAttribute(raw_, name, AttributeType<T>::value, most, &count, values.data()),
          "cudnn attribute");
    values.resize(static_cast<std::size_t>(count < most ? count : most));
    return values;
  }
  // Fills descriptors that exist already; returns how many there were to fill.
  std::int64_t fill(cudnnBackendAttributeName_t name, std::span<cudnnBackendDescriptor_t> into) const {
    std::int64_t count = 0;
    check(cudnnBackendGetAttribute(raw_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(into.size()),
                                   &count, into.data()),
          "cudnn attribute");
    return count;
  }

 private:
  Descriptor& set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                      const void* values) {
    check(cudnnBackendSetAttribute(raw_, name, type, count, values), "cudnn attribute");
    return *this;
  }

  cudnnBackendDescriptor_t raw_ = nullptr;
};

}  // namespace trireme::cuda::dnn
