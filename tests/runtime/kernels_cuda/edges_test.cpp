// What only kernels that cannot stop the host do with wrong input: they show it in their results.
#include <cmath>

#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

class Edges : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Edges, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(Edges, IdsOutsideTheTableGiveNaN) {
  const std::int32_t wrong = 1 << 30;
  Argument table = input({5, 17}), positions = input({3, 17}), y = output({4, 17});
  Argument which = ids_of({4, 5, -1, wrong}, {4});
  tested().embedding(y[Side::tested], which[Side::tested], table[Side::tested], &positions[Side::tested], 0);
  const Values got = values_of(y[Side::tested]);
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(std::isnan(got[i]), i >= 17) << i;
}

TEST_P(Edges, TheirRowsOfGradientsGoNowhere) {
  Argument which = ids_of({-1, 2, 5, 2, -5, 1 << 30}, {6}), dy = input({6, 17}), dtable = output({5, 17}, DType::f32);
  tested().embedding_grad(dtable[Side::tested], nullptr, dy[Side::tested], which[Side::tested], false, false);
  EXPECT_TRUE(dtable.guarded().intact());
  const Values got = values_of(dtable[Side::tested]), rows = values_of(dy[Side::tested]);
  for (std::size_t c = 0; c < 17; ++c) {
    for (std::size_t entry : {0, 1, 3, 4}) EXPECT_EQ(got[entry * 17 + c], 0);
    EXPECT_FLOAT_EQ(static_cast<float>(got[2 * 17 + c]), static_cast<float>(rows[17 + c] + rows[3 * 17 + c]));
  }
}

TEST_P(Edges, TargetsOutsideTheClassesGiveNaN) {
  Argument logits = input({3, 17}), targets = ids_of({3, 17, -2}, {3});
  Argument losses = output({3}, DType::f32), weights = output({3}, DType::f32);
  tested().cross_entropy(losses[Side::tested], weights[Side::tested], logits[Side::tested], targets[Side::tested], {});
  const Values got = values_of(losses[Side::tested]), gradient = values_of(logits[Side::tested]);
  EXPECT_TRUE(std::isfinite(got[0]) && std::isnan(got[1]) && std::isnan(got[2]));
  for (std::size_t i = 0; i < gradient.size(); ++i) EXPECT_EQ(std::isnan(gradient[i]), i >= 17) << i;
  EXPECT_TRUE(logits.guarded().intact());
}

TEST_P(Edges, NotANumberIsNotLost) {
  for (std::int64_t columns : {17, 40, 5000}) {
    Values values = random_values(columns, 3);
    values[static_cast<std::size_t>(columns / 2)] = NAN;
    Argument x = input_of(values, {1, columns}, dtype()), y = output({1, columns}), targets = ids_of({0}, {1});
    Argument losses = output({1}, DType::f32), weights = output({1}, DType::f32);
    tested().softmax(y[Side::tested], x[Side::tested], false);
    EXPECT_TRUE(std::isnan(values_of(y[Side::tested])[0])) << columns;
    tested().cross_entropy(losses[Side::tested], weights[Side::tested], x[Side::tested], targets[Side::tested], {});
    EXPECT_TRUE(std::isnan(values_of(losses[Side::tested])[0])) << columns;
  }
}

// The order in which rows of equal ids are added is that of dy: in another, these would not come to 1.
TEST_P(Edges, RowsOfAnIdAreAddedInTheirOrder) {
  const double large = dtype() == DType::f16 ? 65504 : 0x1p60;
  std::vector<double> rows(5001, 0x1p-20);
  rows[0] = large, rows[1] = large, rows[2] = -large, rows[3] = -large, rows[4] = 1;
  for (std::size_t i = 5; i < rows.size(); ++i)
    rows[i] = 0x1p-24;  // each is lost next to 1, together they would not be
  Argument dy = input_of(rows, {5001, 1}, dtype()), which = ids_of(std::vector<std::int32_t>(5001, 0), {5001});
  Argument dtable = output({1, 1}, DType::f32);
  tested().embedding_grad(dtable[Side::tested], nullptr, dy[Side::tested], which[Side::tested], false, false);
  EXPECT_EQ(values_of(dtable[Side::tested])[0], 1);
}

TEST_P(Edges, NothingToDo) {
  Tensor none = empty(device(), {0, 17}, dtype()), wide = empty(device(), {17}, dtype());
  Tensor floats = empty(device(), {0}, DType::f32), ids = empty(device(), {0}, DType::i32);
  poison(wide);
  tested().layer_norm(none, floats, floats, none, nullptr, nullptr, wide, wide, 1e-5f);
  Tensor dweight = tensor_of(device(), Values(17, 3.0), {17}, DType::f32), dbias = empty(device(), {17}, DType::f32);
  tested().layer_norm_grad(none, dweight, dbias, none, none, floats, floats, wide, nullptr, false);
  EXPECT_EQ(values_of(dweight), Values(17));
  EXPECT_EQ(values_of(dbias), Values(17));
  tested().softmax(none, none, true);
  tested().softmax_grad(none, none, none, false);
  tested().cross_entropy(floats, floats, none, ids, {});
  tested().embedding(none, ids, none, nullptr, 0);
  Tensor dtable = tensor_of(device(), Values(34, 3.0), {2, 17}, DType::f32);
  tested().embedding_grad(dtable, nullptr, none, ids, true, false);
  EXPECT_EQ(values_of(dtable), Values(34, 3.0));
  tested().embedding_grad(dtable, nullptr, none, ids, false, false);
  EXPECT_EQ(values_of(dtable), Values(34));
  Tensor total = empty(device(), {}, DType::f32), squares = empty(device(), {}, DType::f64);
  tested().sum(total, none);
  tested().sum_squares(squares, none);
  EXPECT_EQ(values_of(total)[0], 0);
  EXPECT_EQ(values_of(squares)[0], 0);
  tested().pointwise_loss(total, nullptr, none, none, PointwiseLoss::mse);
  EXPECT_EQ(values_of(total)[0], 0);
  tested().update(floats, nullptr, nullptr, nullptr, floats, {});
  tested().random(none, {});
  tested().argmax(ids, none);
}

}  // namespace
}  // namespace trireme::test
