#include "runtime/kernels/cuda/gemm/problem.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "tests/runtime/cuda_products/column_reference.h"

namespace trireme::cuda {
namespace {

using Numbers = std::vector<double>;

Numbers numbers(std::int64_t count, int seed) {
  Numbers result;
  for (std::int64_t i = 0; i < count; ++i) result.push_back(static_cast<double>((i * 37 + seed * 11) % 29 - 14));
  return result;
}

// c (m, n) row-major, from a (m, k) or (k, m) and b (k, n) or (n, k).
Numbers by_rows(const Product& p, const Numbers& a, const Numbers& b) {
  Numbers c;
  for (std::int64_t i = 0; i < p.m; ++i) {
    for (std::int64_t j = 0; j < p.n; ++j) {
      double sum = 0;
      for (std::int64_t l = 0; l < p.k; ++l)
        sum += a[static_cast<std::size_t>(p.transpose_a ? l * p.m + i : i * p.k + l)] *
               b[static_cast<std::size_t>(p.transpose_b ? j * p.k + l : l * p.n + j)];
      c.push_back(sum);
    }
  }
  return c;
}

TEST(ByColumns, IsTheSameProduct) {
  for (auto [m, n, k] : {std::array<std::int64_t, 3>{1, 1, 1}, {2, 3, 5}, {7, 4, 1}, {1, 6, 3}, {5, 1, 8}}) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      const Product p{
          .m = m, .n = n, .k = k, .transpose_a = (transposes & 1) != 0, .transpose_b = (transposes & 2) != 0};
      const Numbers a = numbers(m * k, 1), b = numbers(k * n, 2);
      const ColumnProduct columns = by_columns(p);
      Numbers c(static_cast<std::size_t>(m * n), -1e9);
      // The library's left factor is our b, its result our c.
      test::multiply_by_columns(
          columns, [&](std::int64_t i) { return b.at(static_cast<std::size_t>(i)); },
          [&](std::int64_t i) { return a.at(static_cast<std::size_t>(i)); },
          [&](std::int64_t row, std::int64_t column, double sum) {
            c.at(static_cast<std::size_t>(row + column * columns.result.leading)) = sum;
          });
      EXPECT_EQ(c, by_rows(p, a, b)) << m << ' ' << n << ' ' << k << " transposes " << transposes;
    }
  }
}

// Biases belong to what the library calls rows; there are as many as columns of ours.
TEST(ByColumns, RowsOfTheLibraryAreColumnsOfOurs) {
  const ColumnProduct columns = by_columns({.m = 3, .n = 5, .k = 7});
  EXPECT_EQ(columns.result.rows, 5);
  EXPECT_EQ(columns.result.columns, 3);
}

// Every field must tell products apart, in memory and in the file of choices.
TEST(Product, EveryFieldTellsApart) {
  const Product one{.m = 2, .n = 3, .k = 4};
  std::vector<Product> others;
  for (int field = 0; field < 11; ++field) others.push_back(one);
  others[0].m = 3;
  others[1].n = 2;
  others[2].k = 5;
  others[3].transpose_a = true;
  others[4].transpose_b = true;
  others[5].a = Element::bf16;
  others[6].b = Element::f16;
  others[7].c = Element::e4m3;
  others[8].epilogue = Epilogue::gelu_bias;
  others[9].adds = true;
  others[10].alignment = 8;
  std::set<std::string> words{words_of(one)};
  std::set<std::size_t> hashes{ProductHash{}(one)};
  for (const Product& other : others) {
    EXPECT_NE(other, one);
    words.insert(words_of(other));
    hashes.insert(ProductHash{}(other));
  }
  EXPECT_EQ(words.size(), 12u);
  EXPECT_EQ(hashes.size(), 12u);
}

TEST(Product, HasWordsThatArePartOfAFile) {
  const Product product{.m = 64,
                        .n = 768,
                        .k = 3072,
                        .transpose_a = true,
                        .a = Element::bf16,
                        .b = Element::bf16,
                        .c = Element::f32,
                        .epilogue = Epilogue::left_sums,
                        .adds = true,
                        .alignment = 4};
  EXPECT_EQ(words_of(product), "64x768x3072 tn bf16,bf16,f32 left_sums add align4");
}

TEST(Product, EveryEpilogueHasAName) {
  std::set<std::string> words;
  for (int i = 0; i <= static_cast<int>(Epilogue::left_sums); ++i)
    words.insert(words_of({.epilogue = static_cast<Epilogue>(i)}));
  EXPECT_EQ(words.size(), static_cast<std::size_t>(Epilogue::left_sums) + 1);
}

TEST(Product, ElementsAreThoseOfTensors) {
  EXPECT_EQ(element_of(DType::bf16), Element::bf16);
  EXPECT_THROW(element_of(DType::i32), Error);
  for (DType dtype : {DType::f32, DType::bf16, DType::f16})
    EXPECT_EQ(size_of(element_of(dtype)), trireme::size_of(dtype)) << dtype;
  EXPECT_EQ(size_of(Element::e5m2), 1);
}

}  // namespace
}  // namespace trireme::cuda
