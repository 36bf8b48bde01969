#include "runtime/kernels/cuda/gemm/problem.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "runtime/base/philox.h"

namespace trireme::cuda {
namespace {

constexpr std::array<std::string_view, 5> element_names{"f32", "bf16", "f16", "e4m3", "e5m2"};
constexpr std::array<std::string_view, 11> epilogue_names{
    "none",      "bias",           "relu",          "relu_bias",          "gelu",     "gelu_bias",
    "gelu_kept", "gelu_kept_bias", "gelu_gradient", "gelu_gradient_sums", "left_sums"};

}  // namespace

Element element_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return Element::f32;
    case DType::bf16: return Element::bf16;
    case DType::f16: return Element::f16;
    default: fail("gemm", "expected f32, bf16 or f16, found", dtype);
  }
}

std::int64_t size_of(Element element) {
  switch (element) {
    case Element::f32: return 4;
    case Element::bf16:
    case Element::f16: return 2;
    case Element::e4m3:
    case Element::e5m2: return 1;
  }
  return 0;
}

bool reads_bias(Epilogue epilogue) {
  return epilogue == Epilogue::bias || epilogue == Epilogue::relu_bias || epilogue == Epilogue::gelu_bias ||
         epilogue == Epilogue::gelu_kept_bias;
}
bool writes_sums(Epilogue epilogue) {
  return epilogue == Epilogue::gelu_gradient_sums || epilogue == Epilogue::left_sums;
}
bool has_kept(Epilogue epilogue) {
  return epilogue == Epilogue::gelu_kept || epilogue == Epilogue::gelu_kept_bias ||
         epilogue == Epilogue::gelu_gradient || epilogue == Epilogue::gelu_gradient_sums;
}

std::size_t ProductHash::operator()(const Product& product) const {
  std::uint64_t hash = 0;
  const auto mix = [&](std::int64_t value) {
    hash = (hash ^ static_cast<std::uint64_t>(value)) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  };
  mix(product.m);
  mix(product.n);
  mix(product.k);
  mix(product.transpose_a + 2 * product.transpose_b + 4 * product.adds);
  mix(static_cast<std::int64_t>(product.a) + 8 * static_cast<std::int64_t>(product.b) +
      64 * static_cast<std::int64_t>(product.c) + 512 * static_cast<std::int64_t>(product.epilogue));
  mix(product.alignment);
  return hash;
}

std::string words_of(const Product& product) {
  const auto name = [](Element element) { return std::string(element_names.at(static_cast<std::size_t>(element))); };
  return std::to_string(product.m) + 'x' + std::to_string(product.n) + 'x' + std::to_string(product.k) + ' ' +
         (product.transpose_a ? 't' : 'n') + (product.transpose_b ? 't' : 'n') + ' ' + name(product.a) + ',' +
         name(product.b) + ',' + name(product.c) + ' ' +
         std::string(epilogue_names.at(static_cast<std::size_t>(product.epilogue))) + (product.adds ? " add" : " set") +
         " align" + std::to_string(product.alignment);
}

ColumnProduct by_columns(const Product& product) {
  const auto stored = [](std::int64_t rows, std::int64_t columns, bool transpose) {
    return ColumnMatrix{.rows = columns, .columns = rows, .leading = columns, .transpose = transpose};
  };
  return {.left = product.transpose_b ? stored(product.n, product.k, true) : stored(product.k, product.n, false),
          .right = product.transpose_a ? stored(product.k, product.m, true) : stored(product.m, product.k, false),
          .result = stored(product.m, product.n, false)};
}

}  // namespace trireme::cuda
