// What distinguishes one matrix product from another to cuBLASLt, and how our row-major product is told to a library
// that counts by columns. Nothing here needs CUDA.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/base/dtype.h"

namespace trireme::cuda {

// Elements of the operands: those of tensors, and the two of 8 bits (Micikevicius et al. 2022).
enum class Element : std::uint8_t { f32, bf16, f16, e4m3, e5m2 };
Element element_of(DType dtype);
std::int64_t size_of(Element element);

// What happens to the sum before it is stored. "Kept" stores the activation's input beside the result.
enum class Epilogue : std::uint8_t {
  none,
  bias,
  relu,
  relu_bias,
  gelu,
  gelu_bias,
  gelu_kept,
  gelu_kept_bias,
  gelu_gradient,       // the product times gelu'(kept)
  gelu_gradient_sums,  // the same, and its column sums: the gradient of a bias
  left_sums,           // the product, and the sums over k of op(a), one per row of c: also the gradient of a bias
};
bool reads_bias(Epilogue epilogue);
bool writes_sums(Epilogue epilogue);
bool has_kept(Epilogue epilogue);

// c (m, n) = epilogue(alpha op(a) op(b) + beta c), all row-major and without gaps: a is (m, k), or (k, m) when it is to
// be transposed; b is (k, n), or (n, k).
struct Product {
  std::int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  Element a = Element::f32, b = Element::f32, c = Element::f32;
  Epilogue epilogue = Epilogue::none;
  bool adds = false;            // beta is not 0
  std::int64_t alignment = 16;  // bytes, of the least aligned operand: 16, 8, 4, 2 or 1

  friend bool operator==(const Product&, const Product&) = default;
};
struct ProductHash {
  std::size_t operator()(const Product& product) const;
};
// The same as words, for a file: "64x768x3072 tn bf16,bf16,bf16 gelu_kept_bias set align16".
std::string words_of(const Product& product);

// A matrix as a library that counts by columns sees it: element (row, column) lies at row + column * leading.
struct ColumnMatrix {
  std::int64_t rows = 0, columns = 0, leading = 0;
  bool transpose = false;
};
// The product as such a library is to do it. Our row-major c (m, n) is its (n, m); so its left factor is our b and its
// right factor our a, and what it calls rows of the result are our columns, to which biases belong.
struct ColumnProduct {
  ColumnMatrix left, right, result;
};
ColumnProduct by_columns(const Product& product);

}  // namespace trireme::cuda
