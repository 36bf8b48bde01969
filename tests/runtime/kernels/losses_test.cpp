#include <cmath>

#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

class Losses : public KernelTest {
 protected:
  Argument targets(std::int64_t rows, std::int64_t classes, bool ignore_some) {
    std::vector<std::int32_t> values = random_ids(rows, static_cast<std::int32_t>(classes), 17);
    for (std::size_t r = 1; ignore_some && r < values.size(); r += 3) values[r] = -1;
    return ids_of(values, {rows});
  }

  void check(Argument& logits, Argument& wanted, const Tensor* weights[2], CrossEntropy how, const std::string& words) {
    const std::int64_t rows = logits[Side::oracle].size(0);
    Argument losses = output({rows}, DType::f32), row_weights = output({rows}, DType::f32);
    both([&](Kernels& k, Side s) {
      how.class_weights = weights[s == Side::tested ? 0 : 1];
      k.cross_entropy(losses[s], row_weights[s], logits[s], wanted[s], how);
    });
    EXPECT_TRUE(agrees(losses, {1e-5, 1e-6})) << words;
    EXPECT_TRUE(agrees(row_weights)) << words;
    EXPECT_TRUE(agrees(logits, one_rounding() + 1e-7)) << words;
  }
};
INSTANTIATE_TEST_SUITE_P(Backends, Losses, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(Losses, CrossEntropyAgreesForEveryOption) {
  for (std::int64_t rows : {1, 3, 17}) {
    for (std::int64_t classes : odd_sizes) {
      for (int options = 0; options < 16; ++options) {
        const bool weighted = options & 1, smooth = options & 2, ignore = options & 4, gradient = options & 8;
        Argument logits = input({rows, classes}, {-4, 4}), wanted = targets(rows, classes, ignore);
        Argument class_weights = input({classes}, DType::f32, {0.5, 2});
        const Tensor* weights[2] = {nullptr, nullptr};
        if (weighted) weights[0] = &class_weights[Side::tested], weights[1] = &class_weights[Side::oracle];
        check(logits, wanted, weights,
              {.label_smoothing = smooth ? 0.1f : 0.0f, .gradient = gradient, .gradient_scale = 0.25f},
              std::to_string(rows) + " x " + std::to_string(classes) + " options " + std::to_string(options));
      }
    }
  }
}

TEST_P(Losses, CrossEntropyStandsLargeLogits) {
  const Values values{60000, -60000, 0, 0, -60000, -60000, -60000, -60000, 100, 90, -100, 0};
  for (std::int32_t target : {0, 1, 3}) {
    Argument logits = input_of(values, {3, 4}, dtype()), wanted = ids_of({target, target, target}, {3});
    const Tensor* weights[2] = {nullptr, nullptr};
    check(logits, wanted, weights, {}, "target " + std::to_string(target));
  }
}

TEST_P(Losses, AnotherTargetCanBeIgnored) {
  Argument logits = input({3, 17}), wanted = ids_of({5, 16, 5}, {3});
  const Tensor* weights[2] = {nullptr, nullptr};
  check(logits, wanted, weights, {.ignore = 5}, "ignore 5");
  const Values gradient = values_of(logits[Side::tested]);
  for (std::size_t i = 0; i < 17; ++i) EXPECT_EQ(gradient[i], 0);
  EXPECT_NE(gradient[17], 0);
}

TEST_P(Losses, PointwiseLossesAgree) {
  for (PointwiseLoss loss :
       {PointwiseLoss::mse, PointwiseLoss::mae, PointwiseLoss::bce_logits, PointwiseLoss::hinge, PointwiseLoss::kl}) {
    for (std::int64_t size : odd_sizes) {
      const bool probabilities = loss == PointwiseLoss::bce_logits || loss == PointwiseLoss::kl;
      Argument x = input({size}, {-3, 3});
      Argument target = probabilities ? input({size}, {0, 1}) : input({size}, {-1, 1});
      Argument total = output({}, DType::f32), dx = output({size}), alone = output({}, DType::f32);
      both([&](Kernels& k, Side s) {
        k.pointwise_loss(total[s], &dx[s], x[s], target[s], loss);
        k.pointwise_loss(alone[s], nullptr, x[s], target[s], loss);
      });
      EXPECT_TRUE(agrees(total, {1e-5, 1e-4})) << static_cast<int>(loss) << " " << size;
      EXPECT_TRUE(agrees(alone, {1e-5, 1e-4})) << static_cast<int>(loss) << " " << size;
      EXPECT_TRUE(agrees(dx, one_rounding() + 1e-7)) << static_cast<int>(loss) << " " << size;
    }
  }
}

TEST_P(Losses, PointwiseLossesAtTheirEdges) {
  struct Edge {
    PointwiseLoss loss;
    double x, target, total, slope;
  };
  const Edge edges[] = {{PointwiseLoss::mae, 2, 2, 0, 0},
                        {PointwiseLoss::hinge, 1, 1, 0, 0},
                        {PointwiseLoss::hinge, 0.5, 1, 0.5, -1},
                        {PointwiseLoss::hinge, 0.5, -1, 1.5, 1},
                        {PointwiseLoss::kl, -3, 0, 0, 0},
                        {PointwiseLoss::bce_logits, 1000, 1, 0, 0},
                        {PointwiseLoss::bce_logits, -1000, 1, 1000, -1},
                        {PointwiseLoss::bce_logits, 1000, 0, 1000, 1},
                        {PointwiseLoss::mse, 3, 1, 4, 4}};
  for (const Edge& edge : edges) {
    const Tensor x = tensor_of(device(), {edge.x}, {1}, dtype()),
                 target = tensor_of(device(), {edge.target}, {1}, dtype());
    Tensor total = empty(device(), {}, DType::f32), dx = empty(device(), {1}, dtype());
    tested().pointwise_loss(total, &dx, x, target, edge.loss);
    EXPECT_NEAR(values_of(total)[0], edge.total, 1e-6) << static_cast<int>(edge.loss) << " at " << edge.x;
    EXPECT_NEAR(values_of(dx)[0], edge.slope, 1e-6) << static_cast<int>(edge.loss) << " at " << edge.x;
  }
}

}  // namespace
}  // namespace trireme::test
