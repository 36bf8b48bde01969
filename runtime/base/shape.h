// The sizes of a tensor's dimensions, outermost first.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>

#include "runtime/base/error.h"

namespace trireme {

class Shape {
 public:
  static constexpr int max_dims = 6;

  Shape() = default;  // a scalar: no dimensions, one element
  Shape(std::initializer_list<std::int64_t> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const std::int64_t> sizes) {
    require(sizes.size() <= max_dims, "shape", "expected at most", max_dims, "dimensions, found", sizes.size());
    for (std::int64_t size : sizes) {
      require(size >= 0, "shape", "expected sizes of zero or more, found", size);
      sizes_[static_cast<std::size_t>(dims_++)] = size;
    }
  }

  int dims() const noexcept { return dims_; }
  std::int64_t numel() const noexcept {
    std::int64_t product = 1;
    for (std::int64_t size : *this) product *= size;
    return product;
  }
  // Negative dimensions count from the innermost: shape[-1] is the last size.
  std::int64_t operator[](int dim) const {
    const int at = dim < 0 ? dim + dims_ : dim;
    if (at < 0 || at >= dims_) fail("shape", "dimension", dim, "of a tensor with", dims_, "dimensions");
    return sizes_[static_cast<std::size_t>(at)];
  }
  const std::int64_t* begin() const noexcept { return sizes_.data(); }
  const std::int64_t* end() const noexcept { return sizes_.data() + dims_; }

  friend bool operator==(const Shape& a, const Shape& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    out << '(';
    for (int dim = 0; dim < shape.dims(); ++dim) out << (dim ? ", " : "") << shape[dim];
    return out << ')';
  }

 private:
  std::array<std::int64_t, max_dims> sizes_{};
  int dims_ = 0;
};

}  // namespace trireme
