#include "runtime/data/loader.h"

#include <gtest/gtest.h>

#include "runtime/data/token_windows.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/dry/dry_device.h"
#include "tests/runtime/data/numbers.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using test::message_of;
using Pairs = std::vector<std::int64_t>;  // epoch, sample, epoch, sample, ...

Pairs pairs_of(Batch batch) {
  return to_host<std::int64_t>(batch["pair"]);
}

Loader numbers(std::int64_t samples, LoaderOptions options) {
  return Loader(std::make_shared<Numbers>(samples), options);
}

class LoaderTest : public ::testing::Test {
 protected:
  std::unique_ptr<Device> device_ = make_cpu_device();
};

TEST_F(LoaderTest, ABatchIsNamedTensorsOfTheSamplesInOrder) {
  const Loader loader = numbers(5, {.global_batch = 4, .order = OrderKind::sequential});
  const Batch batch = loader.at(*device_, 2, {0, 4});
  EXPECT_EQ(batch.first_sample, 8);
  EXPECT_EQ(batch["pair"].shape(), (Shape{4, 2}));
  EXPECT_EQ(batch["pair"].dtype(), DType::i64);
  EXPECT_EQ(pairs_of(batch), (Pairs{1, 3, 1, 4, 2, 0, 2, 1})) << "samples 8 to 11: an epoch has five";
  EXPECT_TRUE(batch.contains("pair"));
  EXPECT_FALSE(batch.contains("labels"));
  const std::string message = message_of<Error>([&] { (void)batch["labels"]; });
  EXPECT_EQ(message, "[batch] no tensor labels here; there is: pair");
}

// The whole of what any number of ranks and micro-batches reads, put together, is the global batch.
TEST_F(LoaderTest, TheGlobalOrderDoesNotDependOnTheNumberOfParts) {
  for (OrderKind kind : {OrderKind::sequential, OrderKind::shuffled}) {
    const Loader loader = numbers(31, {.global_batch = 72, .order = kind, .seed = 9});
    for (std::int64_t step = 0; step < 5; ++step) {
      const Pairs whole = pairs_of(loader.at(*device_, step, {0, 72}));
      for (int parts : {1, 2, 3, 4})
        for (std::int64_t micros : {1, 2, 6}) {
          Pairs joined;
          for (std::int64_t micro = 0; micro < micros; ++micro)
            for (int part = 0; part < parts; ++part) {
              const Share share = share_of(72, {part, parts, micros}, micro);
              ASSERT_EQ(share.count, 72 / parts / micros);
              const Pairs mine = pairs_of(loader.at(*device_, step, share));
              joined.insert(joined.end(), mine.begin(), mine.end());
            }
          ASSERT_EQ(joined, whole) << parts << " parts, " << micros << " micro-batches, step " << step;
        }
    }
  }
}

TEST_F(LoaderTest, TheSeedDecidesAndTheStepAloneResumes) {
  const LoaderOptions options{.global_batch = 8, .order = OrderKind::shuffled, .seed = 3};
  const Loader loader = numbers(100, options);
  Pairs first = pairs_of(loader.at(*device_, 0, {0, 8}));
  for (std::int64_t step = 1; step < 20; ++step) (void)loader.at(*device_, step, {0, 8});
  EXPECT_EQ(pairs_of(loader.at(*device_, 17, {0, 8})), pairs_of(numbers(100, options).at(*device_, 17, {0, 8})));
  EXPECT_EQ(pairs_of(loader.at(*device_, 0, {0, 8})), first);
  EXPECT_NE(pairs_of(numbers(100, {.global_batch = 8, .seed = 4}).at(*device_, 0, {0, 8})), first);
}

TEST_F(LoaderTest, AGlobalBatchMayBeLargerThanTheData) {
  const Loader loader = numbers(3, {.global_batch = 7, .order = OrderKind::sequential});
  EXPECT_EQ(pairs_of(loader.at(*device_, 0, {0, 7})), (Pairs{0, 0, 0, 1, 0, 2, 1, 0, 1, 1, 1, 2, 2, 0}));
}

TEST_F(LoaderTest, ImpossibleSharesAreNamed) {
  const auto error = [](std::int64_t batch, Division division, std::int64_t micro) {
    return message_of<Error>([&] { (void)share_of(batch, division, micro); });
  };
  EXPECT_EQ(
      error(8, {0, 3, 2}, 0),
      "[data] a global batch of 8 samples does not divide into 2 micro-batches for 3 ranks; choose a multiple of 6");
  EXPECT_NE(error(8, {2, 2, 1}, 0).find("part below 2 found 2"), std::string::npos);
  EXPECT_NE(error(8, {0, 0, 1}, 0), "no error");
  EXPECT_NE(error(8, {0, 1, 2}, 2), "no error");
  EXPECT_NE(error(0, {0, 1, 1}, 0), "no error");
  EXPECT_EQ(error(6, {2, 3, 2}, 1), "no error");
  const Loader loader = numbers(10, {.global_batch = 4});
  EXPECT_THROW((void)loader.at(*device_, 0, {2, 3}), Error);
  EXPECT_THROW((void)loader.at(*device_, -1, {0, 1}), Error);
  EXPECT_THROW(numbers(10, {.global_batch = 0}), Error);
  EXPECT_THROW(Loader(nullptr, {.global_batch = 1}), Error);
}

TEST(Fingerprint, TellsDataApart) {
  const auto of = [](std::int64_t size, std::int64_t shift, std::int64_t sequence) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < size; ++i)
      ids[static_cast<std::size_t>(i)] = static_cast<std::int32_t>((i + shift) % 251);
    return fingerprint(TokenWindows(memory_tokens("ids", ids, 256), {.sequence = sequence}));
  };
  EXPECT_EQ(of(1001, 0, 10), of(1001, 0, 10));
  EXPECT_NE(of(1001, 0, 10), of(1001, 1, 10));
  EXPECT_NE(of(1001, 0, 10), of(1011, 0, 10)) << "one sample more";
  EXPECT_NE(of(1001, 0, 10), of(1001, 0, 20));
  std::vector<std::int32_t> ids(1001, 1);
  const auto of_ids = [&] { return fingerprint(TokenWindows(memory_tokens("ids", ids, 256), {.sequence = 10})); };
  const std::uint64_t before = of_ids();
  for (const std::size_t changed : {std::size_t{0}, std::size_t{517}, std::size_t{1000}}) {
    ids[changed] = 2;
    EXPECT_NE(of_ids(), before) << "token " << changed;
    ids[changed] = 1;
  }
  EXPECT_EQ(of_ids(), before);
  EXPECT_NO_THROW((void)of(2, 0, 1));
  const Numbers many(100000);
  EXPECT_NE(fingerprint(many), 0u);
  EXPECT_LE(many.reads(), 32);
}

// More tokens than there is time to read: token i is i, but for one.
class ManyTokens : public TokenStream {
 public:
  explicit ManyTokens(std::int64_t other) : other_(other) {}
  std::string name() const override { return "many"; }
  std::int64_t size() const override { return std::int64_t{1} << 40; }
  void read(std::int64_t first, std::span<std::int32_t> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::int64_t token = first + static_cast<std::int64_t>(i);
      out[i] = static_cast<std::int32_t>(token == other_ ? -1 : token & 0xffffff);
    }
    reads += static_cast<std::int64_t>(out.size());
  }
  mutable std::int64_t reads = 0;

 private:
  std::int64_t other_;
};

TEST(Fingerprint, TakesBlocksOfAStreamThatIsLong) {
  const auto sum = [](std::int64_t other, std::int64_t first, std::int64_t count) {
    const ManyTokens stream(other);
    const std::uint64_t value = stream.checksum(first, count);
    EXPECT_LE(stream.reads, std::int64_t{1} << 22);
    return value;
  };
  const std::int64_t all = std::int64_t{1} << 40, few = std::int64_t{1} << 22;
  const std::uint64_t whole = sum(-1, 0, all);
  EXPECT_EQ(sum(-1, 0, all), whole);
  EXPECT_NE(sum(0, 0, all), whole);
  EXPECT_NE(sum(all - 1, 0, all), whole);
  EXPECT_NE(sum(-1, 0, all - 1), whole);
  for (const std::int64_t changed : {0, 4095, 1234567, (1 << 22) - 1})
    EXPECT_NE(sum(changed, 0, few), sum(-1, 0, few)) << "all of what is short counts: token " << changed;
  EXPECT_EQ(sum(few, 0, few), sum(-1, 0, few));
  EXPECT_NO_THROW((void)sum(-1, 5, 0));
  EXPECT_NO_THROW((void)sum(-1, 0, few + 1));
}

TEST_F(LoaderTest, ADryDeviceTakesBatchesWithoutReading) {
  const std::unique_ptr<Device> dry = make_dry_device();
  const Numbers source(10);
  const Batch batch = blank_batch(*dry, source.fields(), 6);
  EXPECT_EQ(batch["pair"].shape(), (Shape{6, 2}));
  EXPECT_EQ(source.reads(), 0);
  EXPECT_EQ(dry->memory().live, rounded(6 * 2 * 8));
}

}  // namespace
}  // namespace trireme::data
