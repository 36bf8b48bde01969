// Measures against numbers worked out with NumPy from their definitions, and against what must not change them.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/base/error.h"
#include "runtime/metrics/classification.h"
#include "runtime/metrics/confusion.h"
#include "runtime/metrics/ranking.h"
#include "runtime/metrics/regression.h"
#include "runtime/metrics/segmentation.h"

namespace trireme::metrics {
namespace {

const std::vector<std::int32_t> labels{0, 1, 2, 2, 1, 0, 0, 2, 1, 1, 0, 2};
const std::vector<float> logits{0.4f,  -1.3f, -0.2f, 0.4f,  2.3f,  0.1f,  -0.6f, -0.8f, 1.9f,  1.6f,  0.3f,  -0.0f,
                                -1.0f, 2.8f,  0.2f,  -0.5f, -0.1f, -1.2f, 0.6f,  -0.5f, -0.7f, 0.6f,  -0.1f, 0.6f,
                                0.4f,  2.0f,  -1.6f, -0.3f, 0.2f,  -0.2f, -0.1f, 0.0f,  -0.0f, -0.3f, -1.0f, 0.8f};

double value(const Measures& measures, std::string_view name) {
  const double* found = measures.find(name);
  EXPECT_NE(found, nullptr) << name;
  return found ? *found : -1.0;
}

TEST(Classification, ThreeClasses) {
  std::vector<double> records;
  add_classified(records, logits, labels, 3);
  ASSERT_EQ(std::ssize(records), 12 * classification_width(3));
  const Measures measures = classification_measures(records, 3);
  EXPECT_DOUBLE_EQ(value(measures, "accuracy"), 8.0 / 12.0);
  EXPECT_DOUBLE_EQ(value(measures, "precision_macro"), 0.7222222222222222);
  EXPECT_DOUBLE_EQ(value(measures, "recall_macro"), 0.6666666666666666);
  EXPECT_DOUBLE_EQ(value(measures, "f1_macro"), 0.6555555555555556);
  EXPECT_DOUBLE_EQ(value(measures, "f1_micro"), 8.0 / 12.0);
  EXPECT_DOUBLE_EQ(value(measures, "auc"), 0.875);
  EXPECT_EQ(measures.find("top5_accuracy"), nullptr) << "of three classes every one is among the first five";
  EXPECT_EQ(measures.confusion, (std::vector<std::int64_t>{2, 2, 0, 0, 4, 0, 2, 0, 2})) << "rows are the truth";
}

TEST(Classification, DoesNotDependOnTheBatches) {
  std::vector<double> whole, parts;
  add_classified(whole, logits, labels, 3);
  for (std::size_t begin = 0; begin < 12; begin += 5) {  // a short last batch
    const std::size_t count = std::min<std::size_t>(5, 12 - begin);
    add_classified(parts, std::span(logits).subspan(3 * begin, 3 * count), std::span(labels).subspan(begin, count), 3);
  }
  EXPECT_EQ(parts, whole);
}

TEST(Classification, TwoClassesSpeakOfTheSecond) {
  // Probabilities of class 1: .9 .8 .7 .3 .2 with truths 1 1 0 1 0.
  std::vector<float> scores;
  for (const float p : {0.9f, 0.8f, 0.7f, 0.3f, 0.2f}) scores.insert(scores.end(), {0.0f, std::log(p / (1.0f - p))});
  std::vector<double> records;
  add_classified(records, scores, std::vector<std::int32_t>{1, 1, 0, 1, 0}, 2);
  const Measures measures = classification_measures(records, 2);
  EXPECT_DOUBLE_EQ(value(measures, "accuracy"), 0.6);
  EXPECT_DOUBLE_EQ(value(measures, "precision"), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(value(measures, "recall"), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(value(measures, "f1"), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(value(measures, "auc"), 5.0 / 6.0);
  ASSERT_EQ(measures.roc.size(), 6u);
  EXPECT_DOUBLE_EQ(measures.roc[3].false_positives, 0.5);
  EXPECT_DOUBLE_EQ(measures.roc[3].true_positives, 2.0 / 3.0);
}

TEST(Classification, TopFive) {
  std::vector<double> records;
  std::vector<float> scores;
  std::vector<std::int32_t> truths;
  for (std::int32_t i = 0; i < 8; ++i) {  // the label of sample i stands at place i
    truths.push_back(i);
    for (std::int32_t c = 0; c < 8; ++c) scores.push_back(static_cast<float>(-c));
  }
  add_classified(records, scores, truths, 8);
  EXPECT_DOUBLE_EQ(value(classification_measures(records, 8), "top5_accuracy"), 5.0 / 8.0);
  EXPECT_DOUBLE_EQ(value(classification_measures(records, 8), "accuracy"), 1.0 / 8.0);
}

TEST(Classification, ScoresThatAreNoNumbersAreNeverRight) {
  const float nan = std::nanf("");
  std::vector<double> records;
  add_classified(records, std::vector<float>(12, nan), std::vector<std::int32_t>{5, 1}, 6);
  const Measures measures = classification_measures(records, 6);
  EXPECT_EQ(value(measures, "accuracy"), 0.0);
  EXPECT_EQ(value(measures, "top5_accuracy"), 0.0);
  EXPECT_TRUE(std::isnan(value(measures, "auc")));
}

TEST(Classification, LabelsOutOfRangeAreRefused) {
  std::vector<double> records;
  EXPECT_THROW(add_classified(records, std::vector<float>(3), std::vector<std::int32_t>{3}, 3), Error);
  EXPECT_THROW(add_classified(records, std::vector<float>(3), std::vector<std::int32_t>{-1}, 3), Error);
  EXPECT_THROW(add_classified(records, std::vector<float>(4), std::vector<std::int32_t>{0}, 3), Error);
}

TEST(Confusion, ClassesThatDoNotOccurCountNothing) {
  Confusion confusion(4);
  confusion.add(0, 0, 3);
  confusion.add(1, 0, 1);
  EXPECT_EQ(confusion.precision(2), 0.0);
  EXPECT_EQ(confusion.precision(1), 0.0);
  EXPECT_DOUBLE_EQ(confusion.mean(&Confusion::precision), (0.75 + 0.0) / 2.0) << "classes 2 and 3 are absent";
  EXPECT_DOUBLE_EQ(confusion.iou(0), 0.75);
  EXPECT_DOUBLE_EQ(confusion.accuracy(), 0.75);
}

TEST(Ranking, TiesCountHalf) {
  EXPECT_DOUBLE_EQ(auc({{0.5, true}, {0.5, false}}), 0.5);
  EXPECT_DOUBLE_EQ(auc({{0.9, true}, {0.5, true}, {0.5, false}, {0.1, false}}), 3.5 / 4.0);
  EXPECT_DOUBLE_EQ(auc({{0.1, true}, {0.9, false}}), 0.0);
  EXPECT_TRUE(std::isnan(auc({{0.1, true}, {0.9, true}})));
  EXPECT_TRUE(std::isnan(auc({})));
}

TEST(Ranking, TheCurveEnclosesTheArea) {
  const std::vector<Scored> scored{{0.9, true}, {0.8, false}, {0.8, true}, {0.6, true}, {0.3, false}, {0.1, false}};
  const std::vector<RocPoint> curve = roc_curve(scored);
  ASSERT_EQ(curve.size(), 6u) << "one point for each score, and the origin";
  double area = 0.0;
  for (std::size_t i = 1; i < curve.size(); ++i)
    area += 0.5 * (curve[i].false_positives - curve[i - 1].false_positives) *
            (curve[i].true_positives + curve[i - 1].true_positives);
  EXPECT_DOUBLE_EQ(area, auc(scored));
  EXPECT_EQ(curve.back().false_positives, 1.0);
  EXPECT_EQ(curve.back().true_positives, 1.0);
  EXPECT_TRUE(roc_curve({{0.1, true}}).empty());
}

TEST(Regression, Errors) {
  std::vector<double> records;
  add_predicted(records, std::vector<float>{1, 2, 3, 5}, std::vector<float>{1, 1, 5, 5}, 2);
  ASSERT_EQ(std::ssize(records), 2 * regression_width);
  const Measures measures = regression_measures(records);
  EXPECT_DOUBLE_EQ(value(measures, "mae"), 0.75);
  EXPECT_DOUBLE_EQ(value(measures, "mse"), 1.25);
  EXPECT_DOUBLE_EQ(value(measures, "rmse"), std::sqrt(1.25));
  EXPECT_DOUBLE_EQ(value(measures, "r2"), 1.0 - 1.25 / 4.0);
  EXPECT_THROW(add_predicted(records, std::vector<float>{1}, std::vector<float>{1, 2}, 1), Error);
}

TEST(Segmentation, DiceLeavesTheBackgroundOut) {
  std::vector<double> records;
  // Two pictures of four pixels, three classes.
  add_segmented(records, std::vector<std::int32_t>{0, 1, 1, 0, 2, 2, 0, 0},
                std::vector<std::int32_t>{0, 1, 0, 0, 2, 0, 2, -1}, 2, 3);
  const Measures measures = segmentation_measures(records, 3);
  EXPECT_DOUBLE_EQ(value(measures, "dice"), (2.0 / 3.0 + 0.5) / 2.0);
  EXPECT_DOUBLE_EQ(value(measures, "iou"), (0.5 + 1.0 / 3.0) / 2.0);
  EXPECT_DOUBLE_EQ(value(measures, "pixel_accuracy"), 4.0 / 7.0) << "a truth below zero counts nothing";
  EXPECT_EQ(measures.confusion, (std::vector<std::int64_t>{2, 1, 1, 0, 1, 0, 1, 0, 1}));
  EXPECT_THROW(add_segmented(records, std::vector<std::int32_t>{3}, std::vector<std::int32_t>{0}, 1, 3), Error);
}

}  // namespace
}  // namespace trireme::metrics
