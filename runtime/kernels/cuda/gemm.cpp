#include <bit>
#include <optional>

#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/gemm/engine.h"
#include "runtime/kernels/cuda/gemm/finish.h"
#include "runtime/kernels/cuda/gemm/float8.h"

namespace trireme::cuda {
namespace {

// The bytes that every address is a multiple of: 16, or a smaller power of two.
std::int64_t common_alignment(std::initializer_list<const void*> addresses) {
  std::uintptr_t bits = 16;
  for (const void* address : addresses) bits |= reinterpret_cast<std::uintptr_t>(address);
  return std::int64_t{1} << std::countr_zero(bits);
}

const void* raw_of(const Tensor* x) {
  return x ? x->raw() : nullptr;
}

// One of the two matrices that are multiplied.
struct Factor {
  const void* data;
  Element element;
  bool transpose;
  const float* scale = nullptr;  // of 8-bit elements
};

Element eight_bit_element(EightBits format) {
  return format == EightBits::e5m2 ? Element::e5m2 : Element::e4m3;
}

// The epilogue that does all that is asked in one kernel, if there could be one. In fp32 the library's own gelu stays
// out: how exact it is is not documented.
std::optional<Epilogue> whole_epilogue(const Tensor& c, const Gemm& how) {
  const bool bias = how.bias != nullptr;
  if (bias && how.bias->dtype() != c.dtype()) return std::nullopt;
  switch (how.activation) {
    case Activation::identity:
      if (how.preactivation) return std::nullopt;
      return bias ? Epilogue::bias : Epilogue::none;
    case Activation::relu:
      if (how.preactivation) return std::nullopt;  // the library keeps signs, not numbers
      return bias ? Epilogue::relu_bias : Epilogue::relu;
    case Activation::gelu: {
      if (c.dtype() == DType::f32) return std::nullopt;
      if (!how.preactivation) return bias ? Epilogue::gelu_bias : Epilogue::gelu;
      const bool fits = columns_of(c) % 8 == 0 && common_alignment({how.preactivation->raw()}) == 16;
      if (!fits) return std::nullopt;
      return bias ? Epilogue::gelu_kept_bias : Epilogue::gelu_kept;
    }
    default: return std::nullopt;
  }
}

}  // namespace

// One call of gemm, put to the engine in one way or another.
class ProductCall {
 public:
  ProductCall(GemmEngine& engine, const Factor& a, const Factor& b, const Gemm& how, const Tensor& c, std::int64_t k)
      : engine_(engine), how_(how), operands_{.a = a.data, .b = b.data, .scale_a = a.scale, .scale_b = b.scale} {
    product_ = {.m = rows_of(c),
                .n = columns_of(c),
                .k = k,
                .transpose_a = a.transpose,
                .transpose_b = b.transpose,
                .a = a.element,
                .b = b.element};
    operands_.alpha = how.alpha;
  }

  // Whether a result can be written there: of 8-bit factors, only at multiples of 16 bytes.
  bool may_write(const void* c) const { return !operands_.scale_a || common_alignment({c}) == 16; }

  // c = epilogue(alpha a b + beta before); `bias` and `kept` are the call's where the epilogue has such.
  bool run(void* c, DType dtype, const void* before, Epilogue epilogue) const {
    Product product = product_;
    ProductOperands operands = operands_;
    product.c = element_of(dtype);
    product.epilogue = epilogue;
    product.adds = before != nullptr;
    operands.c = c;
    operands.before = before ? before : c;
    if (before) operands.beta = how_.beta;
    if (reads_bias(epilogue)) operands.bias = raw_of(how_.bias);
    if (has_kept(epilogue)) operands.kept = how_.preactivation->raw();
    product.alignment = common_alignment({operands.a, operands.b, c, before, operands.bias, operands.kept});
    if (operands.scale_a && product.alignment < 16) return false;
    return run_product(engine_, product, operands);
  }

 private:
  GemmEngine& engine_;
  const Gemm& how_;
  ProductOperands operands_;
  Product product_;
};

// In one kernel; or the activation's input in one and the activation in another; or the sum in fp32 and then the rest.
bool CudaKernels::multiply(const ProductCall& call, Tensor& c, const Gemm& how) {
  const void* before = how.beta != 0.0f ? c.raw() : nullptr;
  const std::optional<Epilogue> whole = whole_epilogue(c, how);
  if (whole && call.run(c.raw(), c.dtype(), before, *whole)) return true;
  const bool bias_fits = !how.bias || how.bias->dtype() == c.dtype();
  if (how.preactivation && bias_fits &&
      call.run(how.preactivation->raw(), c.dtype(), before, how.bias ? Epilogue::bias : Epilogue::none)) {
    activate(c, *how.preactivation, how.activation);
    return true;
  }
  const bool in_place = c.dtype() == DType::f32 && call.may_write(c.raw());
  std::optional<Scratch> sums;
  if (!in_place) sums.emplace(device_.scratch(c.numel() * size_of(DType::f32)));
  void* place = in_place ? c.raw() : static_cast<void*>(sums->data());
  if (!call.run(place, DType::f32, in_place ? before : nullptr, Epilogue::none)) return false;
  Gemm rest = how;
  if (in_place) rest.beta = 0.0f;
  finish_product(stream_, multiprocessors(), c, static_cast<const float*>(place), rest);
  return true;
}

GemmEngine& CudaKernels::gemm_engine() {
  if (!gemm_engine_) gemm_engine_ = make_gemm_engine(device_, products_);
  return *gemm_engine_;
}

std::string CudaKernels::trouble() const {
  const std::string why = gemm_engine_ ? trouble_of(*gemm_engine_) : std::string();
  return why.empty() ? why : why + "; the algorithms of matrix products are searched for again in every run";
}

void CudaKernels::gemm(Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how) {
  if (c.numel() == 0) return;
  if (a.numel() == 0) return finish_product(stream_, multiprocessors(), c, nullptr, how);
  if (how.a_format != EightBits::none) {
    if (!gemm_in_eight_bits(c, a, b, how))
      fail("gemm", "cuBLASLt has no algorithm for", a.shape(), "by", b.shape(), "in 8 bits on this GPU");
    return;
  }
  const Factor left{a.raw(), element_of(a.dtype()), how.transpose_a},
      right{b.raw(), element_of(b.dtype()), how.transpose_b};
  if (!multiply(ProductCall(gemm_engine(), left, right, how, c, a.numel() / rows_of(c)), c, how))
    fail("gemm", "cuBLASLt has no algorithm for", a.shape(), "by", b.shape(), "of", a.dtype(), "on this GPU");
}

std::string CudaKernels::why_no_eight_bits() const {
  const cudaDeviceProp& card = device_.properties();
  if (card.major > 8 || (card.major == 8 && card.minor >= 9)) return {};
  return "expected a GPU of compute capability 8.9 or newer, which multiplies numbers of 8 bits; found " +
         std::string(card.name) + " with " + std::to_string(card.major) + '.' + std::to_string(card.minor);
}

bool CudaKernels::gemm_in_eight_bits(Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how) {
  const std::int64_t m = rows_of(c), n = columns_of(c), k = a.numel() / m;
  if (const std::string why = why_no_eight_bits(); !why.empty()) fail("gemm", why);
  if (m % eight_bits_multiple != 0 || n % eight_bits_multiple != 0 || k % eight_bits_multiple != 0)
    fail("gemm", "expected sizes of a product in 8 bits that are multiples of", eight_bits_multiple, "found", m, "x", k,
         "by", k, "x", n);

  // 8-bit products have both factors' k innermost (before Blackwell there are no others): a is written as (m, k), b as
  // (n, k), whatever they were.
  const Scratch numbers = device_.scratch((2 + 2 * eight_bits_scratch) * size_of(DType::f32));
  const Scratch left = device_.scratch(m * k), right = device_.scratch(n * k);
  float* scale = numbers.as<float>();
  const auto write = [&](const Tensor& x, Element format, const Scratch& to, bool turn, float* its_scale,
                         float* scratch) {
    auto* bytes = to.as<std::uint8_t>();
    const InEightBits place{
        .format = format, .rows = turn ? nullptr : bytes, .columns = turn ? bytes : nullptr, .scale = its_scale};
    to_eight_bits(stream_, multiprocessors(), place, x, scratch);
  };
  const Element a_format = eight_bit_element(how.a_format), b_format = eight_bit_element(how.b_format);
  write(a, a_format, left, how.transpose_a, scale, scale + 2);
  write(b, b_format, right, !how.transpose_b, scale + 1, scale + 2 + eight_bits_scratch);
  const Factor turned_a{left.data(), a_format, false, scale}, turned_b{right.data(), b_format, true, scale + 1};
  return multiply(ProductCall(gemm_engine(), turned_a, turned_b, how, c, k), c, how);
}

}  // namespace trireme::cuda
