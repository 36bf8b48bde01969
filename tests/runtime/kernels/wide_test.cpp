// Sizes of real models and beyond: rows that take several passes, more rows than are worked on at once.
#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

constexpr float epsilon = 1e-5f;

class Wide : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Wide, ::testing::ValuesIn(every_dtype()), test_name);

struct Size {
  std::int64_t rows, columns;
};
constexpr Size sizes[] = {{70, 768}, {130, 40}, {5, 1600}, {3, 3072}, {3, 6000}, {2, 12000}, {2, 20000}};

TEST_P(Wide, Norms) {
  for (const auto& [rows, columns] : sizes) {
    const Shape shape{rows, columns};
    Argument x = input(shape, {-1, 3}), residual = input(shape), weight = input({columns}), bias = input({columns});
    Argument y = output(shape), sum = output(shape), mean = output({rows}, DType::f32);
    Argument rstd = output({rows}, DType::f32), rms = output(shape), rms_rstd = output({rows}, DType::f32);
    both([&](Kernels& k, Side s) {
      k.layer_norm(y[s], mean[s], rstd[s], x[s], &residual[s], &sum[s], weight[s], bias[s], epsilon);
      k.rms_norm(rms[s], rms_rstd[s], x[s], nullptr, nullptr, weight[s], epsilon);
    });
    EXPECT_TRUE(agrees(sum)) << shape;
    EXPECT_TRUE(agrees(y, 4 * one_rounding())) << shape;  // the sum is rounded before it is normalised
    EXPECT_TRUE(agrees(mean, 2 * one_rounding())) << shape;
    EXPECT_TRUE(agrees(rstd, 2 * one_rounding())) << shape;
    EXPECT_TRUE(agrees(rms)) << shape;
    EXPECT_TRUE(agrees(rms_rstd)) << shape;

    Argument means = input_of(values_of(mean[Side::oracle]), {rows}, DType::f32), dy = input(shape), add = input(shape);
    Argument rstds = input_of(values_of(rstd[Side::oracle]), {rows}, DType::f32), dx = output(shape);
    Argument dweight = gradient({columns}, true), dbias = gradient({columns}, true), rms_dx = output(shape);
    Argument rms_dweight = gradient({columns}, false);
    both([&](Kernels& k, Side s) {
      k.layer_norm_grad(dx[s], dweight[s], dbias[s], dy[s], x[s], means[s], rstds[s], weight[s], &add[s], true);
      k.rms_norm_grad(rms_dx[s], rms_dweight[s], dy[s], x[s], rstds[s], weight[s], nullptr, false);
    });
    EXPECT_TRUE(agrees(dx)) << shape;
    EXPECT_TRUE(agrees(dweight)) << shape;
    EXPECT_TRUE(agrees(dbias)) << shape;
    EXPECT_TRUE(agrees(rms_dx)) << shape;
    EXPECT_TRUE(agrees(rms_dweight)) << shape;
  }
}

TEST_P(Wide, SoftmaxAndItsGradient) {
  for (bool log : {false, true}) {
    for (std::int64_t columns : {1032, 5000, 5003}) {
      const Shape shape{9, columns};
      Argument x = input(shape, {-5, 5}), y = output(shape), dy = input(shape), dx = output(shape);
      both([&](Kernels& k, Side s) { k.softmax(y[s], x[s], log); });
      EXPECT_TRUE(agrees(y)) << shape << log;
      Argument kept = input_of(values_of(y[Side::oracle]), shape, dtype());
      both([&](Kernels& k, Side s) { k.softmax_grad(dx[s], dy[s], kept[s], log); });
      EXPECT_TRUE(agrees(dx, one_rounding() + 1e-6)) << shape << log;
    }
  }
}

TEST_P(Wide, CrossEntropyOverLargeVocabularies) {
  for (std::int64_t classes : {264, 4104, 5003, 50257}) {
    for (float smoothing : {0.0f, 0.1f}) {
      const std::int64_t rows = 7;
      std::vector<std::int32_t> wanted = random_ids(rows, static_cast<std::int32_t>(classes), 5);
      wanted[2] = -1;
      wanted[3] = 0;
      wanted[4] = static_cast<std::int32_t>(classes) - 1;
      Argument logits = input({rows, classes}, {-6, 6}), targets = ids_of(wanted, {rows});
      Argument losses = output({rows}, DType::f32), weights = output({rows}, DType::f32);
      Argument class_weights = input({classes}, DType::f32, {0.5, 2});
      both([&](Kernels& k, Side s) {
        const CrossEntropy how{.class_weights = classes < 5000 ? &class_weights[s] : nullptr,
                               .label_smoothing = smoothing,
                               .gradient_scale = 512.0f};
        k.cross_entropy(losses[s], weights[s], logits[s], targets[s], how);
      });
      EXPECT_TRUE(agrees(losses, {1e-5, 1e-6})) << classes << " smoothing " << smoothing;
      EXPECT_TRUE(agrees(weights)) << classes;
      EXPECT_TRUE(agrees(logits, one_rounding() + 1e-7)) << classes << " smoothing " << smoothing;
    }
  }
}

TEST_P(Wide, ColumnSumsOfManyRows) {
  for (const auto& [rows, columns] : {Size{3000, 40}, Size{300, 1032}, Size{700, 3}}) {
    const Shape shape{rows, columns};
    Argument x = input(shape), dy = input(shape), dx = output(shape), sums = output({columns}, DType::f32);
    Argument dbias = gradient({columns}, true);
    both([&](Kernels& k, Side s) {
      k.column_sum(sums[s], x[s], false);
      k.activate_grad(dx[s], dy[s], x[s], Activation::gelu, &dbias[s], true);
    });
    EXPECT_TRUE(agrees(sums)) << shape;
    EXPECT_TRUE(agrees(dx)) << shape;
    EXPECT_TRUE(agrees(dbias)) << shape;
  }
}

TEST_P(Wide, EmbeddingGradientsOfManyRows) {
  for (std::int32_t entries : {3, 40000}) {
    for (std::int64_t columns : {5, 24}) {
      const std::int64_t rows = 5000;
      Argument which = ids({rows}, entries), dy = input({rows, columns});
      Argument dtable = gradient({entries, columns}, false), dpositions = gradient({700, columns}, true);
      both([&](Kernels& k, Side s) { k.embedding_grad(dtable[s], &dpositions[s], dy[s], which[s], false, true); });
      EXPECT_TRUE(agrees(dtable)) << entries << " entries, columns " << columns;
      EXPECT_TRUE(agrees(dpositions)) << entries << " entries, columns " << columns;
    }
  }
}

TEST_P(Wide, ElementsInALongRange) {
  const std::int64_t size = 70001;
  Argument x = input({size}), b = input({24}), y = output({size}), total = input({size}, DType::f32);
  Argument row = input({2917 * 24}), added = output({2917 * 24}), dropped = output({size}), drawn = output({size});
  both([&](Kernels& k, Side s) {
    k.activate(y[s], x[s], Activation::silu);
    k.axpy(total[s], x[s], 0.5f, nullptr);
    k.binary(added[s], row[s], b[s], Binary::multiply);
    k.dropout(dropped[s], x[s], {.probability = 0.25f, .key = {1, 2}, .first = 12});
    k.random(drawn[s], {.key = {3, 4}, .first = 7});
  });
  EXPECT_TRUE(agrees(y));
  EXPECT_TRUE(agrees(total));
  EXPECT_TRUE(agrees(added));
  EXPECT_TRUE(agrees(dropped));
  EXPECT_TRUE(agrees(drawn));
}

}  // namespace
}  // namespace trireme::test
