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

TEST_P(Embedding, AllRowsOfOneId) {
  Argument which = ids_of(std::vector<std::int32_t>(1000, 3), {1000}), dy = integers({1000, 17}, dtype());
  Argument dtable = output({5, 17}, DType::f32);
  both([&](Kernels& k, Side s) { k.embedding_grad(dtable[s], nullptr, dy[s], which[s], false, false); });
  EXPECT_TRUE(agrees(dtable, Tolerance{}));
}

}  // namespace
}  // namespace trireme::test
