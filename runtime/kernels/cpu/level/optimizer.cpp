#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/lanes.h"
#include "runtime/kernels/cpu/level/words.h"
#include "runtime/kernels/formulas/update_rules.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

// The new weights of elements from `at` on; the moments are written.
template <UpdateRule rule, class Count>
[[gnu::always_inline]] inline Floats stepped(const UpdateArrays& arrays, const Update& how, std::int64_t at, Floats w,
                                             Count count) {
  constexpr bool has_first = formulas::has_first_moment(rule), has_second = formulas::has_second_moment(rule);
  formulas::Moments<Floats> moments{zeros(), zeros()};
  if constexpr (has_first) moments.first = load<F32>(arrays.moment1 + at, count);
  if constexpr (has_second) moments.second = load<F32>(arrays.moment2 + at, count);
  const Floats gradient = formulas::effective_gradient(load<F32>(arrays.gradient + at, count), w, how);
  const Floats next = formulas::stepped<rule>(w, gradient, moments, how);
  if constexpr (has_first) store<F32>(arrays.moment1 + at, moments.first, count);
  if constexpr (has_second) store<F32>(arrays.moment2 + at, moments.second, count);
  return next;
}

template <UpdateRule rule, class Compute>
void update_range(const UpdateArrays& arrays, const Update& how, Range range) {
  auto* weights = static_cast<float*>(arrays.weights.data);
  auto* compute = static_cast<typename Compute::Element*>(arrays.compute.data);
  for_lanes(range.end - range.begin, [&](std::int64_t i, auto count) {
    const std::int64_t at = range.begin + i;
    const Floats next = stepped<rule>(arrays, how, at, load<F32>(weights + at, count), count);
    store<F32>(weights + at, next, count);
    if (compute) store<Compute>(compute + at, next, count);
  });
}

// formulas::rounded_at_random of sixteen numbers.
[[gnu::always_inline]] inline Floats rounded_at_random(Floats x, const std::uint32_t* words) {
  const auto drawn = pieces([=](int at) {
    NativeWord word;
    __builtin_memcpy(&word, words + at, sizeof word);
    return word;
  });
  return map(
      [](NativeFloat value, NativeWord word) {
        const NativeWord bits = (NativeWord)value, rounded = (bits + (word >> 16)) & 0xffff0000u;
        return (NativeFloat)((bits & 0x7f800000u) == 0x7f800000u ? bits : rounded);
      },
      x, drawn);
}

// Weights of bf16, rounded at random; the numbers of the range's elements are neighbours.
template <UpdateRule rule>
void update_rounding(const UpdateArrays& arrays, const Update& how, Range range) {
  auto* weights = static_cast<BF16::Element*>(arrays.weights.data);
  alignas(64) std::uint32_t words[word_batch];
  for (std::int64_t begin = range.begin; begin < range.end; begin += word_batch) {
    const std::int64_t count = range.end - begin < word_batch ? range.end - begin : word_batch;
    random_words(words, how.rounding.key, static_cast<std::uint64_t>(how.rounding.first + begin), count);
    for_lanes(count, [&](std::int64_t i, auto part) {
      const Floats next = stepped<rule>(arrays, how, begin + i, load<BF16>(weights + begin + i, part), part);
      store<BF16>(weights + begin + i, rounded_at_random(next, words + i), part);
    });
  }
}

}  // namespace

void update(const UpdateArrays& arrays, const Update& how, Range range) {
  formulas::with_rule(how.rule, [&]<class C>(C) {
    if (arrays.weights.dtype == DType::bf16) return update_rounding<C::value>(arrays, how, range);
    with_storage(arrays.compute.dtype, [&]<class S>(S) { update_range<C::value, S>(arrays, how, range); });
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
