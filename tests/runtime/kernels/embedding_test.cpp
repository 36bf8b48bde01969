#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

class Embedding : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Embedding, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(Embedding, AgreesWithAndWithoutPositions) {
  for (std::int64_t rows : {1, 12, 63}) {
    for (std::int64_t columns : odd_sizes) {
      for (std::int64_t first : {0, 5}) {
        Argument which = ids({rows}, 29), table = input({29, columns}), positions = input({6, columns});
        Argument y = output({rows, columns}), with = output({rows, columns});
        both([&](Kernels& k, Side s) {
          k.embedding(y[s], which[s], table[s], nullptr, 0);
          k.embedding(with[s], which[s], table[s], &positions[s], first);
        });
        EXPECT_TRUE(agrees(y, Tolerance{})) << rows << " x " << columns;
        EXPECT_TRUE(agrees(with)) << rows << " x " << columns << " from " << first;
      }
    }
  }
}

TEST_P(Embedding, GradientAddsRepeatedRows) {
  for (std::int64_t rows : {1, 12, 66}) {
    for (std::int64_t columns : odd_sizes) {
      for (int accumulate = 0; accumulate < 4; ++accumulate) {
        const bool table_adds = accumulate & 1, positions_add = accumulate & 2;
        Argument which = ids({rows}, 7), dy = input({rows, columns});
        Argument dtable = gradient({9, columns}, table_adds), dpositions = gradient({6, columns}, positions_add);
        both([&](Kernels& k, Side s) {
          k.embedding_grad(dtable[s], &dpositions[s], dy[s], which[s], table_adds, positions_add);
        });
        EXPECT_TRUE(agrees(dtable)) << rows << " x " << columns << " " << accumulate;
        EXPECT_TRUE(agrees(dpositions)) << rows << " x " << columns << " " << accumulate;
        Argument alone = gradient({9, columns}, table_adds);
        both([&](Kernels& k, Side s) { k.embedding_grad(alone[s], nullptr, dy[s], which[s], table_adds, false); });
        EXPECT_TRUE(agrees(alone)) << rows << " x " << columns << " " << accumulate;
      }
    }
  }
}

TEST_P(Embedding, PartsOfATableGiveZerosForTheOtherRows) {
  for (std::int64_t columns : odd_sizes) {
    Argument which = ids({63}, 29), table = input({29, columns}), dy = input({63, columns});
    Values sum(static_cast<std::size_t>(63 * columns)), gradient_rows;
    for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 10}, {10, 11}, {11, 29}}) {
      const std::string words = std::to_string(columns) + " columns from " + std::to_string(begin);
      const Values all = values_of(table[Side::oracle]);
      Argument part =
          input_of(Values(all.begin() + begin * columns, all.begin() + end * columns), {end - begin, columns}, dtype());
      Argument y = output({63, columns});
      both([&](Kernels& k, Side s) { k.embedding_part(y[s], which[s], part[s], begin); });
      EXPECT_TRUE(agrees(y, Tolerance{})) << words;
      const Values rows = values_of(y[Side::oracle]);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += rows[i];
      for (const bool accumulate : {false, true}) {
        Argument dpart = gradient({end - begin, columns}, accumulate);
        both([&](Kernels& k, Side s) { k.embedding_part_grad(dpart[s], dy[s], which[s], begin, accumulate); });
        EXPECT_TRUE(agrees(dpart)) << words;
        if (accumulate) continue;
        const Values more = values_of(dpart[Side::oracle]);
        gradient_rows.insert(gradient_rows.end(), more.begin(), more.end());
      }
    }
    Argument whole = output({63, columns}), dtable = gradient({29, columns}, false);
    both([&](Kernels& k, Side s) {
      k.embedding(whole[s], which[s], table[s], nullptr, 0);
      k.embedding_grad(dtable[s], nullptr, dy[s], which[s], false, false);
    });
    EXPECT_EQ(sum, values_of(whole[Side::oracle])) << columns;
    EXPECT_EQ(gradient_rows, values_of(dtable[Side::oracle])) << columns;
  }
}

TEST_P(Embedding, AllRowsOfOneId) {
  Argument which = ids_of(std::vector<std::int32_t>(1000, 3), {1000}), dy = integers({1000, 17}, dtype());
  Argument dtable = output({5, 17}, DType::f32);
  both([&](Kernels& k, Side s) { k.embedding_grad(dtable[s], nullptr, dy[s], which[s], false, false); });
  EXPECT_TRUE(agrees(dtable, Tolerance{}));
}

}  // namespace
}  // namespace trireme::test
