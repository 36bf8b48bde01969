#include "launcher/trainer/judge.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "launcher/report/confusion_image.h"
#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::launcher {
namespace {

Judge judge(const std::string& by, std::int64_t patience = 0, double least_change = 0.0) {
  job::Job job;
  job.mutable_evaluate()->set_judge(by);
  job.mutable_evaluate()->set_patience(patience);
  job.mutable_evaluate()->set_least_change(least_change);
  return Judge(job);
}

Validation found(std::int64_t step, double loss, double accuracy) {
  Validation validation{step, loss, {}};
  validation.measures.add("accuracy", accuracy);
  return validation;
}

TEST(Judge, SmallLossesAndLargeAccuraciesAreGood) {
  Judge loss = judge("loss"), accuracy = judge("accuracy");
  EXPECT_EQ(loss.text(), "");
  EXPECT_TRUE(loss.take(found(1, 2.0, 0.5)));
  EXPECT_TRUE(accuracy.take(found(1, 2.0, 0.5)));
  EXPECT_TRUE(loss.take(found(2, 1.5, 0.4)));
  EXPECT_FALSE(accuracy.take(found(2, 1.5, 0.4)));
  EXPECT_FALSE(loss.take(found(3, 1.5, 0.6))) << "as good is not better";
  EXPECT_TRUE(accuracy.take(found(3, 1.5, 0.6)));
  EXPECT_EQ(loss.text(), "the best was loss 1.5 after step 2");
}

TEST(Judge, PatienceCountsValidationsInARow) {
  Judge one = judge("loss", 2);
  (void)one.take(found(1, 2.0, 0));
  (void)one.take(found(2, 2.5, 0));
  EXPECT_FALSE(one.gives_up());
  (void)one.take(found(3, 1.0, 0));
  (void)one.take(found(4, 1.5, 0));
  EXPECT_FALSE(one.gives_up());
  (void)one.take(found(5, std::nan(""), 0));
  EXPECT_TRUE(one.gives_up()) << "what is no number is never better";
  Judge patient = judge("loss", 0);
  for (int i = 0; i < 100; ++i) (void)patient.take(found(i + 1, 1.0, 0));
  EXPECT_FALSE(patient.gives_up());
}

TEST(Judge, ALittleBetterMayNotBeEnough) {
  Judge one = judge("accuracy", 0, 0.25);
  EXPECT_TRUE(one.take(found(1, 0, 0.25)));
  EXPECT_FALSE(one.take(found(2, 0, 0.375)));
  EXPECT_TRUE(one.take(found(3, 0, 0.5)));
}

TEST(Judge, IsPartOfACheckpoint) {
  Judge one = judge("accuracy", 2);
  (void)one.take(found(10, 0, 1.0 / 3.0));
  (void)one.take(found(20, 0, 0.1));
  store::Metadata metadata;
  one.write(metadata);
  Judge other = judge("accuracy", 2);
  other.read(metadata);
  EXPECT_EQ(other.text(), one.text());
  EXPECT_FALSE(other.take(found(30, 0, 1.0 / 3.0))) << "to the last bit";
  EXPECT_TRUE(other.gives_up());
  Judge another = judge("loss");
  another.read(metadata);
  EXPECT_EQ(another.text(), "") << "what was judged by something else is forgotten";
  other.read({});
  EXPECT_EQ(other.text(), "");
}

TEST(Judge, SaysWhatIsMeasured) {
  Judge one = judge("dice");
  EXPECT_EQ(test::message_of<Error>([&] { (void)one.take(found(1, 0, 0)); }),
            "[evaluate.judge] expected something that is measured here, found dice; there is: loss, accuracy");
}

TEST(ConfusionImage, IsDarkWhereSamplesAre) {
  metrics::Measures measures;
  measures.classes = 2;
  measures.confusion = {9, 1, 0, 0};
  const data::Image image = draw_confusion(measures);
  ASSERT_EQ(image.shape, (data::ImageShape{67, 67, 3}));
  const auto pixel = [&](std::int64_t row, std::int64_t column) {
    return std::array<int, 3>{image.at(row, column, 0), image.at(row, column, 1), image.at(row, column, 2)};
  };
  EXPECT_LT(pixel(16, 16)[0], 30) << "right: blue";
  EXPECT_GT(pixel(16, 50)[0], pixel(16, 50)[2]) << "wrong: red";
  EXPECT_EQ(pixel(50, 16), (std::array<int, 3>{255, 255, 255}));
  EXPECT_EQ(pixel(50, 50), (std::array<int, 3>{255, 255, 255})) << "a class without samples";
  measures.classes = 1000;
  measures.confusion.assign(1000000, 1);
  EXPECT_EQ(draw_confusion(measures).shape, (data::ImageShape{1000, 1000, 3}));
  EXPECT_THROW(draw_confusion({}), Error);
}

TEST(RocImage, TheCurveLiesAboveTheDiagonal) {
  metrics::Measures measures;
  measures.roc = {{0, 0}, {0, 0.5}, {0.5, 1}, {1, 1}};
  const data::Image image = draw_roc(measures);
  const auto blue = [&](std::int64_t y, std::int64_t x) { return image.at(y, x, 0) < 20; };
  EXPECT_TRUE(blue(200, 0)) << "straight up";
  EXPECT_TRUE(blue(0, 200)) << "straight on";
  EXPECT_FALSE(blue(200, 200));
  EXPECT_EQ(image.at(128, 128), 200) << "chance";
  EXPECT_THROW(draw_roc({}), Error);
}

}  // namespace
}  // namespace trireme::launcher
