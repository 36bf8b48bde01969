// Products of factors that are rounded to 8 bits. What 8 bits hold times a power of two fits in the factors' own dtype
// without a further rounding, so the product is that of rounded copies.
#include "runtime/kernels/formulas/eight_bits.h"
#include "runtime/kernels/cpu/cpu_class.h"

namespace trireme::cpu {
namespace {

std::int64_t floats_for(const Tensor& x) {
  constexpr auto size = static_cast<std::int64_t>(sizeof(float));
  return (x.bytes() + size - 1) / size;
}

}  // namespace

Tensor CpuKernels::in_eight_bits(const Tensor& x, EightBits format, const Scratch::Lease& place) {
  const std::int64_t parts = (x.numel() + grain_elements - 1) / grain_elements;
  const Scratch::Lease found = scratch_.take(parts);
  pool_.run(parts, [&](std::int64_t i) {
    found.data()[i] =
        level_.largest_magnitude(array_of(x), {i * grain_elements, std::min(x.numel(), (i + 1) * grain_elements)});
  });
  float largest = 0.0f;
  for (std::int64_t i = 0; i < parts; ++i) largest = std::max(largest, found.data()[i]);
  const formulas::EightBitFormat numbers = formulas::format_of(format);
  const formulas::EightBitScale scale = formulas::scale_for(largest, format);
  const ToEightBits how{
      .mantissa = numbers.mantissa, .least_normal = numbers.least_normal, .before = scale.before, .after = scale.after};
  auto memory = std::make_shared<Storage>(reinterpret_cast<std::byte*>(place.data()), x.bytes());
  Tensor copy(x.device(), std::move(memory), 0, x.shape(), x.dtype());
  for_range(x.numel(), 1, [&](Range range) { level_.to_eight_bits(array_of(copy), array_of(x), how, range); });
  return copy;
}

void CpuKernels::gemm_in_eight_bits(Tensor& c, const Tensor& a, const Tensor& b, const Gemm& how) {
  const Scratch::Lease left = scratch_.take(floats_for(a)), right = scratch_.take(floats_for(b));
  Gemm plain = how;
  plain.a_format = plain.b_format = EightBits::none;
  gemm(c, in_eight_bits(a, how.a_format, left), in_eight_bits(b, how.b_format, right), plain);
}

}  // namespace trireme::cpu
