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

// Logits cut into parts of 1, 60 and the rest of the classes: losses and gradients are those of the whole.
TEST_P(Losses, CrossEntropyOfPartsIsThatOfTheWhole) {
  constexpr std::int64_t rows = 17, classes = 129;
  const std::vector<std::int64_t> ends{1, 61, classes};
  for (int options = 0; options < 4; ++options) {
    const bool smooth = options & 1, ignore = options & 2;
    Argument logits = input({rows, classes}, {-4, 4}), wanted = targets(rows, classes, ignore);
    const Values all = values_of(logits[Side::oracle]);
    std::vector<Argument> parts, stats;
    std::int64_t begin = 0;
    for (const std::int64_t end : ends) {
      Values part;
      for (std::int64_t r = 0; r < rows; ++r)
        part.insert(part.end(), all.begin() + r * classes + begin, all.begin() + r * classes + end);
      parts.push_back(input_of(part, {rows, end - begin}, dtype()));
      stats.push_back(output({rows, class_numbers}, DType::f32));
      both([&](Kernels& k, Side s) { k.class_stats(stats.back()[s], parts.back()[s], wanted[s], begin); });
      EXPECT_TRUE(agrees(stats.back(), {1e-5, 1e-5})) << "options " << options << " from " << begin;
      begin = end;
    }
    Values gathered;
    for (Argument& one : stats) {
      const Values numbers = values_of(one[Side::tested]);
      gathered.insert(gathered.end(), numbers.begin(), numbers.end());
    }
    Argument of_all = input_of(gathered, {3, rows, class_numbers}, DType::f32);
    CrossEntropy how{.label_smoothing = smooth ? 0.1f : 0.0f, .gradient_scale = 0.25f, .classes = classes};
    Argument whole_losses = output({rows}, DType::f32), whole_weights = output({rows}, DType::f32);
    both([&](Kernels& k, Side s) { k.cross_entropy(whole_losses[s], whole_weights[s], logits[s], wanted[s], how); });
    begin = 0;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const std::string words = "options " + std::to_string(options) + " part " + std::to_string(p);
      Argument losses = output({rows}, DType::f32), row_weights = output({rows}, DType::f32);
      both([&](Kernels& k, Side s) {
        how.first_class = begin;
        k.cross_entropy_part(losses[s], row_weights[s], parts[p][s], wanted[s], of_all[s], how);
      });
      EXPECT_TRUE(agrees(losses, {1e-5, 1e-6})) << words;
      EXPECT_TRUE(agrees(row_weights)) << words;
      EXPECT_TRUE(agrees(parts[p], one_rounding() + 1e-6)) << words;
      EXPECT_TRUE(close(values_of(losses[Side::oracle]), values_of(whole_losses[Side::oracle]), {1e-5, 1e-6})) << words;
      const Values whole = values_of(logits[Side::oracle]), part = values_of(parts[p][Side::oracle]);
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = begin; c < ends[p]; ++c)
          ASSERT_NEAR(part[static_cast<std::size_t>(r * (ends[p] - begin) + c - begin)],
                      whole[static_cast<std::size_t>(r * classes + c)], 1e-6)
              << words;
      begin = ends[p];
    }
  }
}

TEST_P(Losses, CrossEntropyStandsLargeLogitsInParts) {
  Argument logits = input_of({60000, -60000, 0, 0}, {2, 2}, dtype()),
           others = input_of({-100, 100, 0, 90}, {2, 2}, dtype());
  Argument wanted = ids_of({1, 3}, {2}), stats = output({2, 2, class_numbers}, DType::f32);
  both([&](Kernels& k, Side s) {
    Tensor first = stats[s].range(0, 8).view({2, class_numbers}),
           second = stats[s].range(8, 16).view({2, class_numbers});
    k.class_stats(first, logits[s], wanted[s], 0);
    k.class_stats(second, others[s], wanted[s], 2);
    Tensor losses = empty(first.device(), {2}, first.dtype()), weights = empty_like(losses);
    k.cross_entropy_part(losses, weights, logits[s], wanted[s], stats[s], {.first_class = 0, .classes = 4});
    const Values got = values_of(losses);
    EXPECT_NEAR(got[0], 120000, 256);  // as bf16 holds it
    EXPECT_NEAR(got[1], 0, 1e-6);
  });
  EXPECT_TRUE(agrees(logits, one_rounding() + 1e-7));
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
