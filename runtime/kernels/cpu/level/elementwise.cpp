#include "runtime/kernels/cpu/level/declarations.h"

#include "runtime/kernels/cpu/level/functions.h"
#include "runtime/kernels/cpu/level/words.h"
#include "runtime/kernels/formulas/activations.h"
#include "runtime/kernels/formulas/arithmetic.h"
#include "runtime/kernels/formulas/eight_bits.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

using formulas::activated, formulas::slope, formulas::with_activation;

// y = op(x) over a range.
template <class To, class From, class Op>
void transform(Array y, Array x, Range range, Op op) {
  auto* to = static_cast<typename To::Element*>(y.data) + range.begin;
  const auto* from = static_cast<const typename From::Element*>(x.data) + range.begin;
  for_lanes(range.end - range.begin,
            [=](std::int64_t i, auto count) { store<To>(to + i, op(load<From>(from + i, count)), count); });
}

template <class S, class Op>
void transform2(Array y, Array a, Array b, Range range, Op op) {
  using Element = typename S::Element;
  auto* to = static_cast<Element*>(y.data) + range.begin;
  const auto* left = static_cast<const Element*>(a.data) + range.begin;
  const auto* right = static_cast<const Element*>(b.data) + range.begin;
  for_lanes(range.end - range.begin, [=](std::int64_t i, auto count) {
    store<S>(to + i, op(load<S>(left + i, count), load<S>(right + i, count)), count);
  });
}

// Rows are taken four at a time so that the sums are read and written once for four rows.
template <class S, Activation activation>
void grad_and_sums(Array dx, Array dy, Array x, std::int64_t columns, float* sums, Range rows) {
  using Element = typename S::Element;
  constexpr std::int64_t together = 4;
  for (std::int64_t row = rows.begin; row < rows.end; row += together) {
    const std::int64_t height = rows.end - row < together ? rows.end - row : together;
    auto* to = static_cast<Element*>(dx.data) + row * columns;
    const auto* upstream = static_cast<const Element*>(dy.data) + row * columns;
    const auto* input = static_cast<const Element*>(x.data) + row * columns;
    for_lanes(columns, [=](std::int64_t c, auto count) {
      Floats sum = load<F32>(sums + c, count);
      for (std::int64_t r = 0; r < height; ++r) {
        const std::int64_t at = r * columns + c;
        const Floats gradient = load<S>(upstream + at, count) * slope<activation>(load<S>(input + at, count));
        store<S>(to + at, gradient, count);
        sum += gradient;
      }
      store<F32>(sums + c, sum, count);
    });
  }
}

}  // namespace

void fill(Array y, float value, Range range) {
  with_storage(y.dtype, [&]<class S>(S) {
    auto* to = static_cast<typename S::Element*>(y.data) + range.begin;
    for_lanes(range.end - range.begin, [=](std::int64_t i, auto count) { store<S>(to + i, all(value), count); });
  });
}

void cast(Array y, Array x, Range range) {
  with_storage(y.dtype, [&]<class To>(To) {
    with_storage(x.dtype, [&]<class From>(From) { transform<To, From>(y, x, range, [](Floats v) { return v; }); });
  });
}

void activate(Array y, Array x, Activation activation, Range range) {
  with_storage(x.dtype, [&]<class S>(S) {
    with_activation(activation,
                    [&]<class C>(C) { transform<S, S>(y, x, range, [](Floats v) { return activated<C::value>(v); }); });
  });
}

void activate_grad(Array dx, Array dy, Array x, Activation activation, Range range) {
  with_storage(x.dtype, [&]<class S>(S) {
    with_activation(activation, [&]<class C>(C) {
      transform2<S>(dx, dy, x, range, [](Floats g, Floats v) { return g * slope<C::value>(v); });
    });
  });
}

void activate_grad_sums(Array dx, Array dy, Array x, Activation activation, std::int64_t columns, float* sums,
                        Range rows) {
  with_storage(x.dtype, [&]<class S>(S) {
    with_activation(activation, [&]<class C>(C) { grad_and_sums<S, C::value>(dx, dy, x, columns, sums, rows); });
  });
}

void binary(Array y, Array a, Array b, Binary op, Range range) {
  with_storage(a.dtype, [&]<class S>(S) {
    formulas::with_binary(op, [&]<class C>(C) {
      transform2<S>(y, a, b, range, [](Floats l, Floats r) { return formulas::combined<C::value>(l, r); });
    });
  });
}

void binary_rows(Array y, Array a, Array b, Binary op, std::int64_t columns, Range rows) {
  with_storage(a.dtype, [&]<class S>(S) {
    using Element = typename S::Element;
    formulas::with_binary(op, [&]<class C>(C) {
      const auto apply = [](Floats l, Floats r) { return formulas::combined<C::value>(l, r); };
      for (std::int64_t row = rows.begin; row < rows.end; ++row) {
        const Array to{static_cast<Element*>(y.data) + row * columns, y.dtype};
        const Array from{static_cast<Element*>(a.data) + row * columns, a.dtype};
        transform2<S>(to, from, b, {0, columns}, apply);
      }
    });
  });
}

void scale(Array y, Array x, float factor, Range range) {
  with_storage(x.dtype, [&]<class S>(S) { transform<S, S>(y, x, range, [=](Floats v) { return v * factor; }); });
}

void axpy(Array y, Array x, float factor, Range range) {
  with_storage(y.dtype, [&]<class To>(To) {
    with_storage(x.dtype, [&]<class From>(From) {
      auto* to = static_cast<typename To::Element*>(y.data) + range.begin;
      const auto* from = static_cast<const typename From::Element*>(x.data) + range.begin;
      for_lanes(range.end - range.begin, [=](std::int64_t i, auto count) {
        store<To>(to + i, load<To>(to + i, count) + load<From>(from + i, count) * factor, count);
      });
    });
  });
}

void dropout(Array y, Array x, const Dropout& how, Range range) {
  const float factor = 1.0f / (1.0f - how.probability);
  with_storage(x.dtype, [&]<class S>(S) {
    using Element = typename S::Element;
    auto* to = static_cast<Element*>(y.data);
    const auto* from = static_cast<const Element*>(x.data);
    alignas(64) std::uint32_t words[word_batch];
    for (std::int64_t begin = range.begin; begin < range.end; begin += word_batch) {
      const std::int64_t count = range.end - begin < word_batch ? range.end - begin : word_batch;
      random_words(words, how.key, static_cast<std::uint64_t>(how.first + begin), count);
      for_lanes(count, [&](std::int64_t i, auto part) {
        const Floats kept = load<S>(from + begin + i, part) * factor;
        store<S>(to + begin + i, if_less(unit_floats(words + i), all(how.probability), zeros(), kept), part);
      });
    }
  });
}

void to_eight_bits(Array y, Array x, const ToEightBits& how, Range range) {
  const formulas::EightBitFormat format{
      .mantissa = how.mantissa, .limit_exponent = 0, .least_normal = how.least_normal};
  with_storage(x.dtype, [&]<class S>(S) {
    transform<S, S>(y, x, range, [=](Floats v) { return formulas::to_eight_bits(v * how.before, format) * how.after; });
  });
}

void unpack(float* to, Array from, std::int64_t offset, std::int64_t stride, std::int64_t rows, std::int64_t columns) {
  with_storage(from.dtype, [&]<class S>(S) {
    const auto* block = static_cast<const typename S::Element*>(from.data) + offset;
    for (std::int64_t row = 0; row < rows; ++row)
      for_lanes(columns, [&](std::int64_t c, auto count) {
        store<F32>(to + row * columns + c, load<S>(block + row * stride + c, count), count);
      });
  });
}

void gemm_epilogue(const GemmEpilogue& block, std::int64_t rows, std::int64_t columns) {
  with_storage(block.c.dtype, [&]<class S>(S) {
    with_activation(block.activation, [&]<class C>(C) {
      using Element = typename S::Element;
      for (std::int64_t row = 0; row < rows; ++row) {
        auto* to = static_cast<Element*>(block.c.data) + row * block.stride;
        auto* before = static_cast<Element*>(block.preactivation.data);
        if (before) before += row * block.stride;
        const float* product = block.product + row * block.product_stride;
        for_lanes(columns, [&](std::int64_t c, auto count) {
          Floats value = load<F32>(product + c, count);
          if (block.bias) value += load<F32>(block.bias + c, count);
          if (before) store<S>(before + c, value, count);
          store<S>(to + c, activated<C::value>(value), count);
        });
      }
    });
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
