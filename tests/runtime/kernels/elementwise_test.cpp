#include <cmath>

#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

constexpr Activation activations[] = {Activation::identity, Activation::relu, Activation::leaky_relu,
                                      Activation::gelu,     Activation::silu, Activation::sigmoid,
                                      Activation::tanh};
constexpr Binary binaries[] = {Binary::add, Binary::subtract, Binary::multiply, Binary::divide};

class Elementwise : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Elementwise, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(Elementwise, FillWritesEveryElement) {
  for (std::int64_t size : odd_sizes) {
    Argument y = output({size});
    both([&](Kernels& k, Side s) { k.fill(y[s], 0.5f); });
    EXPECT_TRUE(agrees(y, Tolerance{})) << size;
  }
}

TEST_P(Elementwise, CastConvertsBetweenEveryPairAndRoundsOnce) {
  for (DType to : {DType::f32, DType::bf16, DType::f16}) {
    for (std::int64_t size : odd_sizes) {
      Argument x = input({size}, {-3, 3}), y = output({size}, to);
      both([&](Kernels& k, Side s) { k.cast(y[s], x[s]); });
      const Tensor rounded = tensor_of(device(), values_of(x[Side::tested]), {size}, to);
      EXPECT_TRUE(same_bits(y[Side::tested], rounded)) << to << " " << size;
      EXPECT_TRUE(agrees(y)) << to << " " << size;
    }
  }
}

TEST_P(Elementwise, CastKeepsExtremesAndRoundsTiesToEven) {
  // Ties of bf16 (8 bits) and f16 (11 bits), overflow, subnormals, infinities, NaN, signed zero.
  const Values values{
      1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1p-11, 1 + 3 * 0x1p-11, 65519, 65520, -65520,   3.4e38,    0x1p-24,
      0x1p-25,    3 * 0x1p-25,    0x1p-15,     -0x1p-20,        0.0,   -0.0,  HUGE_VAL, -HUGE_VAL, NAN};
  const auto size = static_cast<std::int64_t>(values.size());
  const Tensor x = tensor_of(device(), values, {size}, dtype());
  for (DType to : {DType::f32, DType::bf16, DType::f16}) {
    Tensor y = empty(device(), {size}, to);
    poison(y);
    tested().cast(y, x);
    const Values got = values_of(y), want = values_of(tensor_of(device(), values_of(x), {size}, to));
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_TRUE(got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]))) << to << " element " << i;
      EXPECT_EQ(std::signbit(got[i]), std::signbit(want[i])) << to << " element " << i;
    }
  }
}

TEST_P(Elementwise, CastOfEqualDtypesCopiesBytes) {
  for (DType kind : {DType::i32, DType::i64, DType::u8, DType::u16, dtype()}) {
    Tensor x = empty(device(), {65}, kind), y = empty(device(), {65}, kind);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(x.bytes()));
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37);
    device().copy_from_host(x.raw(), bytes.data(), x.bytes());
    poison(y);
    tested().cast(y, x);
    EXPECT_TRUE(same_bits(y, x)) << kind;
  }
}

TEST_P(Elementwise, ActivateAgreesForEveryActivation) {
  for (Activation activation : activations) {
    for (std::int64_t size : odd_sizes) {
      Argument x = input({size}, {-6, 6}), y = output({size});
      both([&](Kernels& k, Side s) { k.activate(y[s], x[s], activation); });
      EXPECT_TRUE(agrees(y)) << name_of(activation) << " " << size;
      both([&](Kernels& k, Side s) { k.activate(x[s], x[s], activation); });
      EXPECT_TRUE(agrees(x)) << name_of(activation) << " in place " << size;
    }
  }
}

TEST_P(Elementwise, ActivateStandsExtremeInputs) {
  const Values values{-60000, -1000, -100, -20, -8, -1e-4, 0, 1e-4, 8, 20, 100, 1000, 60000};
  const auto size = static_cast<std::int64_t>(values.size());
  for (Activation activation : activations) {
    Argument x = input_of(values, {size}, dtype()), y = output({size}), dx = output({size});
    Argument dy = input_of(Values(values.size(), 1.0), {size}, dtype());
    both([&](Kernels& k, Side s) {
      k.activate(y[s], x[s], activation);
      k.activate_grad(dx[s], dy[s], x[s], activation, nullptr, false);
    });
    // Element by element: next to 60000 the rms would hide everything else.
    const Values got = values_of(y[Side::tested]), want = values_of(y[Side::oracle]);
    const Values slope = values_of(dx[Side::tested]), slope_wanted = values_of(dx[Side::oracle]);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Tolerance each{one_rounding().relative, 1e-6};
      EXPECT_TRUE(close(Values{got[i]}, Values{want[i]}, each)) << name_of(activation) << " of " << values[i];
      EXPECT_TRUE(close(Values{slope[i]}, Values{slope_wanted[i]}, each)) << name_of(activation) << " at " << values[i];
    }
  }
}

TEST_P(Elementwise, ActivateGradAgreesWithBiasGradient) {
  for (Activation activation : activations) {
    for (std::int64_t rows : {1, 3, 65}) {
      for (std::int64_t columns : {1, 17, 63, 1000}) {
        for (bool accumulate : {false, true}) {
          Argument x = input({rows, columns}, {-4, 4}), dy = input({rows, columns}), dx = output({rows, columns});
          Argument dbias = gradient({columns}, accumulate);
          both([&](Kernels& k, Side s) { k.activate_grad(dx[s], dy[s], x[s], activation, &dbias[s], accumulate); });
          EXPECT_TRUE(agrees(dx)) << name_of(activation) << " " << rows << " x " << columns;
          EXPECT_TRUE(agrees(dbias, one_rounding())) << name_of(activation) << " " << rows << " x " << columns;
          both([&](Kernels& k, Side s) { k.activate_grad(dy[s], dy[s], x[s], activation, nullptr, false); });
          EXPECT_TRUE(agrees(dy)) << name_of(activation) << " in place";
        }
      }
    }
  }
}

TEST_P(Elementwise, BinaryAgreesWithEqualShapesAndRepeats) {
  for (Binary op : binaries) {
    for (std::int64_t size : odd_sizes) {
      const Shape shape{3, 5, size};
      for (const Shape& small : {shape, Shape{5, size}, Shape{size}, Shape{}}) {
        Argument a = input(shape), b = input(small, {0.5, 2}), y = output(shape);
        both([&](Kernels& k, Side s) { k.binary(y[s], a[s], b[s], op); });
        EXPECT_TRUE(agrees(y)) << static_cast<int>(op) << " " << shape << " " << small;
        both([&](Kernels& k, Side s) { k.binary(a[s], a[s], b[s], op); });
        EXPECT_TRUE(agrees(a)) << static_cast<int>(op) << " in place " << shape << " " << small;
      }
    }
  }
}

TEST_P(Elementwise, BinaryWritesOverItsSecondInput) {
  for (Binary op : binaries) {
    Argument a = input({65}), b = input({65}, {0.5, 2});
    both([&](Kernels& k, Side s) { k.binary(b[s], a[s], b[s], op); });
    EXPECT_TRUE(agrees(b)) << static_cast<int>(op);
  }
}

TEST_P(Elementwise, ScaleAndAxpyTakeFactorsFromHostAndDevice) {
  for (std::int64_t size : odd_sizes) {
    Argument factor = input_of({-0.75}, {}, DType::f32);
    for (bool on_device : {false, true}) {
      Argument x = input({size}), y = output({size});
      both([&](Kernels& k, Side s) { k.scale(y[s], x[s], 1.5f, on_device ? &factor[s] : nullptr); });
      EXPECT_TRUE(agrees(y)) << size;
      both([&](Kernels& k, Side s) { k.scale(x[s], x[s], 1.5f, on_device ? &factor[s] : nullptr); });
      EXPECT_TRUE(agrees(x)) << "in place " << size;
      for (DType other : {DType::f32, DType::bf16, DType::f16}) {
        Argument addend = input({size}), total = input({size}, other);
        both([&](Kernels& k, Side s) { k.axpy(total[s], addend[s], 1.5f, on_device ? &factor[s] : nullptr); });
        EXPECT_TRUE(agrees(total)) << other << " " << size;
      }
    }
  }
}

TEST_P(Elementwise, DropoutKeepsExactlyTheElementsOfItsKey) {
  for (float probability : {0.0f, 0.1f, 0.5f, 0.9f}) {
    for (std::int64_t size : odd_sizes) {
      for (std::int64_t first : {std::int64_t{0}, std::int64_t{5}, (std::int64_t{1} << 33) + 3}) {
        const Dropout how{.probability = probability, .key = {7, 1234567890123u}, .first = first};
        Argument x = input({size}, {0.5, 1}), y = output({size});
        both([&](Kernels& k, Side s) { k.dropout(y[s], x[s], how); });
        EXPECT_TRUE(agrees(y)) << probability << " " << size << " " << first;
        const Values got = values_of(y[Side::tested]);
        for (std::size_t i = 0; i < got.size(); ++i) {
          const std::uint32_t word = random_word(how.key, static_cast<std::uint64_t>(first) + i);
          ASSERT_EQ(got[i] != 0, unit_float(word) >= probability) << i;
        }
        both([&](Kernels& k, Side s) { k.dropout(x[s], x[s], how); });
        EXPECT_TRUE(agrees(x)) << "in place";
      }
    }
  }
}

TEST_P(Elementwise, DropoutOfAPartKeepsWhatTheWholeKeeps) {
  constexpr std::int64_t rows = 11, columns = 40;
  const Tensor ones = tensor_of(device(), Values(rows * columns, 1.0), {rows, columns}, dtype());
  Tensor whole = empty_like(ones);
  Dropout how{.probability = 0.4f, .key = {7, 8}, .first = 6};
  tested().dropout(whole, ones, how);
  const Values all = values_of(whole);
  for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 13}, {13, 40}, {39, 40}}) {
    how.first = 6 + begin;
    how.runs = {.length = end - begin, .stride = columns};
    Argument x = input({rows, end - begin}, {0.5, 1}), y = output({rows, end - begin});
    both([&](Kernels& k, Side s) { k.dropout(y[s], x[s], how); });
    EXPECT_TRUE(agrees(y)) << "from " << begin;
    const Values got = values_of(y[Side::tested]);
    std::size_t next = 0;
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = begin; c < end; ++c, ++next)
        EXPECT_EQ(got[next] != 0, all[static_cast<std::size_t>(r * columns + c)] != 0) << r << " " << c;
  }
}

TEST_P(Elementwise, NothingHappensToNoElements) {
  Tensor none = empty(device(), {0}, dtype()), wide = empty(device(), {0, 17}, dtype());
  tested().fill(none, 1);
  tested().cast(none, none);
  tested().activate(none, none, Activation::gelu);
  tested().scale(none, none, 2, nullptr);
  tested().axpy(none, none, 2, nullptr);
  tested().dropout(none, none, {.probability = 0.5f});
  Tensor sums = empty(device(), {17}, DType::f32);
  poison(sums);
  tested().column_sum(sums, wide, false);
  EXPECT_EQ(values_of(sums), Values(17));
}

}  // namespace
}  // namespace trireme::test
