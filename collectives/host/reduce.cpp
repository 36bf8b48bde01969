#include "collectives/host/reduce.h"

#include <cstring>
#include <type_traits>

namespace trireme::collectives {
namespace {

// Vectors of one cache line, lowered by the compiler to what the instruction set of the caller has.
template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(64)));
};
template <class T>
using Vector = typename VectorOf<T>::type;
using Floats = Vector<float>;
using Words = Vector<std::uint32_t>;
using Halves = std::uint16_t __attribute__((vector_size(32)));

template <class V, class T>
[[gnu::always_inline]] inline void load(V& vector, const T* from) {
  std::memcpy(&vector, from, sizeof vector);
}
template <class V, class T>
[[gnu::always_inline]] inline void store(const V& vector, T* to) {
  std::memcpy(static_cast<void*>(to), &vector, sizeof vector);
}

// How elements in memory become accumulators and back: `Plain` is a type that adds up in itself.
template <class T>
struct Plain {
  using Element = T;
  using Sum = T;
  using Packed = Vector<T>;
  static constexpr std::int64_t lanes = 64 / sizeof(T);

  [[gnu::always_inline]] static void widen(Vector<T>& sum, const T* from) { load(sum, from); }
  [[gnu::always_inline]] static void pack(Packed& packed, const Vector<T>& sum) { packed = sum; }
};

struct Brain {
  using Element = BFloat16;
  using Sum = float;
  using Packed = Halves;
  static constexpr std::int64_t lanes = 16;

  [[gnu::always_inline]] static void widen(Floats& sum, const BFloat16* from) {
    Halves packed;
    load(packed, from);
    sum = reinterpret_cast<Floats>(__builtin_convertvector(packed, Words) << 16);
  }
  // As BFloat16(float): to nearest even, NaN stays NaN.
  [[gnu::always_inline]] static void pack(Packed& packed, const Floats& sum) {
    const Words raw = reinterpret_cast<Words>(sum);
    const Words rounded = (raw + 0x7fffu + ((raw >> 16) & 1u)) >> 16;
    const Words quiet = (raw >> 16) | 0x40u;
    packed = __builtin_convertvector((raw & 0x7fffffffu) > 0x7f800000u ? quiet : rounded, Halves);
  }
};

struct Half {
  using Element = Float16;
  using Sum = float;
  using Packed = Halves;
  static constexpr std::int64_t lanes = 16;

  [[gnu::always_inline]] static void widen(Floats& sum, const Float16* from) {
    Halves packed;
    load(packed, from);
    const Words raw = __builtin_convertvector(packed, Words);
    // The exponent is rebased by an exact product, which normalises subnormals too; infinity and NaN keep all ones.
    const Floats scaled = reinterpret_cast<Floats>((raw & 0x7fffu) << 13) * 0x1p112f;
    const Words magnitude = reinterpret_cast<Words>(scaled);
    const Words special = (raw & 0x7c00u) == 0x7c00u ? magnitude | 0x7f800000u : magnitude;
    sum = reinterpret_cast<Floats>(special | ((raw & 0x8000u) << 16));
  }
  // As Float16(float): to nearest even, overflow to infinity, subnormals kept, NaN to the one quiet NaN.
  [[gnu::always_inline]] static void pack(Packed& packed, const Floats& sum) {
    const Words raw = reinterpret_cast<Words>(sum);
    const Words magnitude = raw & 0x7fffffffu;
    const Words rebased = magnitude - (112u << 23);
    const Words normal = (rebased + 0xfffu + ((rebased >> 13) & 1u)) >> 13;
    // Adding 0.5 leaves a mantissa in units of 2^-24, rounded by the addition.
    const Words small = reinterpret_cast<Words>(reinterpret_cast<Floats>(magnitude) + 0.5f) - 0x3f000000u;
    Words half = magnitude < 0x38800000u ? small : normal;
    half = magnitude >= 0x477ff000u ? Words{} + 0x7c00u : half;
    half = magnitude > 0x7f800000u ? Words{} + 0x7e00u : half;
    packed = __builtin_convertvector(half | ((raw >> 16) & 0x8000u), Halves);
  }
};

struct Sum {
  template <class V>
  [[gnu::always_inline]] static void apply(V& a, const V& b) {
    a = static_cast<V>(a + b);
  }
};
struct Max {
  template <class V>
  [[gnu::always_inline]] static void apply(V& a, const V& b) {
    a = (b > a) | (b != b) ? b : a;
  }
};
struct Min {
  template <class V>
  [[gnu::always_inline]] static void apply(V& a, const V& b) {
    a = (b < a) | (b != b) ? b : a;
  }
};

// Four vectors at a time, kept in registers: what the unrolling is for.
template <class Format, class Op>
[[gnu::always_inline]] inline void reduce_block(const ReduceJob& job, std::int64_t at) {
  using T = typename Format::Element;
  using A = typename Format::Sum;
  constexpr std::int64_t lanes = Format::lanes;
  Vector<A> sums[4];
  std::size_t source = 0;
  if (job.carry_in) {
    const A* from = reinterpret_cast<const A*>(job.carry_in) + at;
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) load(sums[part], from + part * lanes);
  } else {
    const T* from = reinterpret_cast<const T*>(job.sources[source++]) + at;
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) Format::widen(sums[part], from + part * lanes);
  }
  for (; source < job.sources.size(); ++source) {
    const T* from = reinterpret_cast<const T*>(job.sources[source]) + at;
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) {
      Vector<A> next;
      Format::widen(next, from + part * lanes);
      Op::apply(sums[part], next);
    }
  }
  if (job.carry_out) {
    A* to = reinterpret_cast<A*>(job.carry_out) + at;
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) store(sums[part], to + part * lanes);
    return;
  }
  typename Format::Packed packed[4];
#pragma GCC unroll 4
  for (int part = 0; part < 4; ++part) Format::pack(packed[part], sums[part]);
  for (std::byte* target : job.targets) {
    T* to = reinterpret_cast<T*>(target) + at;
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) store(packed[part], to + part * lanes);
  }
}

template <class Format, class Op>
[[gnu::always_inline]] inline void reduce_element(const ReduceJob& job, std::int64_t at) {
  using T = typename Format::Element;
  using A = typename Format::Sum;
  std::size_t source = job.carry_in ? 0 : 1;
  A sum = job.carry_in ? reinterpret_cast<const A*>(job.carry_in)[at]
                       : static_cast<A>(reinterpret_cast<const T*>(job.sources[0])[at]);
  for (; source < job.sources.size(); ++source)
    Op::apply(sum, static_cast<A>(reinterpret_cast<const T*>(job.sources[source])[at]));
  if (job.carry_out)
    reinterpret_cast<A*>(job.carry_out)[at] = sum;
  else
    for (std::byte* target : job.targets) reinterpret_cast<T*>(target)[at] = static_cast<T>(sum);
}

template <class Format, class Op>
[[gnu::always_inline]] inline void reduce_range(const ReduceJob& job) {
  constexpr std::int64_t block = 4 * Format::lanes;
  std::int64_t at = 0;
  for (; at + block <= job.count; at += block) reduce_block<Format, Op>(job, at);
  for (; at < job.count; ++at) reduce_element<Format, Op>(job, at);
}

// Integers wrap around, so sums of signed ones are taken in the unsigned type of the same bits.
template <class Op, class T>
using Integer = Plain<std::conditional_t<std::is_same_v<Op, Sum>, std::make_unsigned_t<T>, T>>;

template <class Op>
[[gnu::always_inline]] inline void reduce_with(const ReduceJob& job) {
  switch (job.dtype) {
    case DType::f32: return reduce_range<Plain<float>, Op>(job);
    case DType::bf16: return reduce_range<Brain, Op>(job);
    case DType::f16: return reduce_range<Half, Op>(job);
    case DType::f64: return reduce_range<Plain<double>, Op>(job);
    case DType::i32: return reduce_range<Integer<Op, std::int32_t>, Op>(job);
    case DType::i64: return reduce_range<Integer<Op, std::int64_t>, Op>(job);
    case DType::u8: return reduce_range<Plain<std::uint8_t>, Op>(job);
    case DType::u16: break;
  }
}

[[gnu::always_inline]] inline void reduce_any(const ReduceJob& job) {
  switch (job.reduction) {
    case Reduction::sum: return reduce_with<Sum>(job);
    case Reduction::max: return reduce_with<Max>(job);
    case Reduction::min: return reduce_with<Min>(job);
  }
}

// The same source for three instruction sets; the machine chooses. Lane by lane they do the same operations, so they
// give the same bits.
[[gnu::target("arch=x86-64-v4")]] void reduce_512(const ReduceJob& job) {
  reduce_any(job);
}
[[gnu::target("arch=x86-64-v3")]] void reduce_256(const ReduceJob& job) {
  reduce_any(job);
}
void reduce_128(const ReduceJob& job) {
  reduce_any(job);
}

}  // namespace

DType accumulator_of(DType dtype) {
  return dtype == DType::bf16 || dtype == DType::f16 ? DType::f32 : dtype;
}

void reduce(const ReduceJob& job) {
  if (__builtin_cpu_supports("x86-64-v4")) return reduce_512(job);
  if (__builtin_cpu_supports("x86-64-v3")) return reduce_256(job);
  reduce_128(job);
}

}  // namespace trireme::collectives
