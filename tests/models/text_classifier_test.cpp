// The text classifier: what it reads of a text, and its sizes.
#include "models/text_classifier/text_classifier.h"

#include <gtest/gtest.h>

#include "runtime/kernels/backend.h"
#include "runtime/nn/flat.h"
#include "tests/support/compare.h"

namespace trireme {
namespace {

struct Reader {
  explicit Reader(const models::TextClassifierConfig& config) : model(config) { flat.initialise(4); }
  // Logits of a text of `length` tokens that stands in a row of `steps`.
  test::Values logits(std::int64_t steps, std::int32_t length, std::int32_t padding) {
    Context cx{*backend.device, *backend.kernels};
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 0; i < steps; ++i) ids.push_back(i < length ? (i * 5 + 1) % 11 : padding);
    return test::values_of(model.logits(cx, from_host<std::int32_t>(cx.device, ids, {1, steps}),
                                        from_host<std::int32_t>(cx.device, std::vector<std::int32_t>{length}, {1})));
  }

  Backend backend = make_backend("cpu", 1);
  models::TextClassifier model;
  nn::FlatParameters flat{model, *backend.device, *backend.kernels, {}};
};

TEST(TextClassifier, ReadsATextAlikeHoweverMuchPaddingFollows) {
  for (const bool bidirectional : {false, true}) {
    Reader reader({.vocabulary = 12,
                   .sequence = 20,
                   .width = 5,
                   .filters = 6,
                   .units = 7,
                   .layers = 2,
                   .bidirectional = bidirectional,
                   .classes = 3});
    const test::Values want = reader.logits(9, 6, 11);
    EXPECT_EQ(want.size(), 3u);
    EXPECT_TRUE(test::close(reader.logits(20, 6, 11), want, {1e-6, 1e-7}));
    EXPECT_FALSE(test::close(reader.logits(20, 7, 11), want, {1e-6, 1e-7}));
  }
}

TEST(TextClassifier, CountsItsOperations) {
  const models::TextClassifier model({});
  // Convolution 64 x 64 x 3 and two directions of 4 x 64 x (64 + 64), for each of 128 tokens; the head 2 x 128.
  EXPECT_EQ(model.flops(2), 3.0 * 2 * 2 * (128.0 * (64 * 64 * 3 + 2 * 4 * 64 * 128) + 2 * 128));
  EXPECT_THROW(models::TextClassifier({.window = 2}), Error);
  EXPECT_THROW(models::TextClassifier({.units = 0}), Error);
}

}  // namespace
}  // namespace trireme
