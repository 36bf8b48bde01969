#include "runtime/data/token_windows.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/device/cpu/cpu_device.h"
#include "tests/runtime/data/numbers.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using Ids = std::vector<std::int32_t>;
using test::message_of;

std::pair<Ids, Ids> read(const TokenWindows& windows, std::int64_t epoch, std::int64_t sample) {
  const auto sequence = static_cast<std::size_t>(windows.fields()[0].shape.numel());
  std::pair<Ids, Ids> rows{Ids(sequence), Ids(sequence)};
  std::byte* pointers[2]{reinterpret_cast<std::byte*>(rows.first.data()),
                         reinterpret_cast<std::byte*>(rows.second.data())};
  windows.read(epoch, sample, pointers);
  return rows;
}

TEST(TokenWindows, TargetsAreTheNextTokens) {
  const TokenWindows windows(counting_stream(13), {.sequence = 4});
  EXPECT_EQ(windows.samples(), 3);
  EXPECT_EQ(read(windows, 0, 0).first, (Ids{0, 1, 2, 3}));
  EXPECT_EQ(read(windows, 0, 0).second, (Ids{1, 2, 3, 4}));
  EXPECT_EQ(read(windows, 7, 2).second, (Ids{9, 10, 11, 12})) << "the last token is a target";
  EXPECT_EQ(windows.fields()[0].name, "tokens");
  EXPECT_EQ(windows.fields()[1].name, "targets");
}

TEST(TokenWindows, ThereAreAsManyAsHaveAllTheirTargets) {
  for (std::int64_t size = 5; size < 30; ++size) {
    const TokenWindows windows(counting_stream(size), {.sequence = 4});
    EXPECT_EQ(windows.samples(), (size - 1) / 4);
    EXPECT_LT(read(windows, 0, windows.samples() - 1).second[3], size);
  }
}

TEST(TokenWindows, EveryPhaseKeepsTheWindowsInside) {
  for (std::int64_t size = 5; size < 40; ++size) {
    const TokenWindows windows(counting_stream(size), {.sequence = 4, .phase_seed = 2});
    ASSERT_GE(windows.samples(), 1);
    std::set<std::int64_t> phases;
    for (std::int64_t epoch = 0; epoch < 60; ++epoch) {
      phases.insert(windows.phase(epoch));
      const auto first = read(windows, epoch, 0).first;
      ASSERT_EQ(first[0], windows.phase(epoch));
      const auto last = read(windows, epoch, windows.samples() - 1).second;
      ASSERT_LT(last[3], size);
    }
    ASSERT_EQ(static_cast<std::int64_t>(phases.size()), std::min<std::int64_t>(4, size - 4 * windows.samples()));
    if (size >= 8) {
      ASSERT_EQ(phases.size(), 4u) << "all phases occur";
    }
  }
}

TEST(TokenWindows, PhasesRepeatWithTheSeed) {
  const TokenWindows a(counting_stream(5000), {.sequence = 64, .phase_seed = 1});
  const TokenWindows b(counting_stream(5000), {.sequence = 64, .phase_seed = 1});
  const TokenWindows c(counting_stream(5000), {.sequence = 64, .phase_seed = 2});
  std::vector<std::int64_t> of_a, of_b, of_c;
  for (std::int64_t epoch = 0; epoch < 8; ++epoch) {
    of_a.push_back(a.phase(epoch));
    of_b.push_back(b.phase(epoch));
    of_c.push_back(c.phase(epoch));
  }
  EXPECT_EQ(of_a, of_b);
  EXPECT_NE(of_a, of_c);
}

TEST(TokenWindows, DataShorterThanAWindowIsNamed) {
  EXPECT_NO_THROW(TokenWindows(counting_stream(5), {.sequence = 4}));
  const std::string message = message_of<Error>([] { TokenWindows(counting_stream(4), {.sequence = 4}); });
  EXPECT_EQ(message,
            "[data] numbers: expected at least 5 tokens (a sequence of 4 and the one after it), found 4 - shorten the "
            "sequence or give more data");
  EXPECT_THROW(TokenWindows(counting_stream(4), {.sequence = 0}), Error);
}

TEST(TokenStream, SplitsOffItsEnd) {
  const auto whole = counting_stream(1000);
  const Split split = split_off_end(whole, 0.1);
  EXPECT_EQ(split.training->size(), 900);
  EXPECT_EQ(split.validation->size(), 100);
  Ids ids(2);
  split.validation->read(0, ids);
  EXPECT_EQ(ids, (Ids{900, 901}));
  split.training->read(898, ids);
  EXPECT_EQ(ids, (Ids{898, 899}));
  EXPECT_THROW(split.training->read(899, ids), Error) << "training never sees validation";
  EXPECT_THROW(split.validation->read(99, ids), Error);
  EXPECT_THROW(split.validation->read(-1, ids), Error);
  EXPECT_NE(split.validation->name().find("validation"), std::string::npos);
  EXPECT_THROW((void)split_off_end(whole, 0.0), Error);
  EXPECT_THROW((void)split_off_end(whole, 1.0), Error);
  EXPECT_THROW((void)part_of(whole, "x", 5, 1001), Error);
}

TEST(TokenStream, HoldsAnyVocabulary) {
  for (std::int64_t vocabulary : {2, 256, 257, 65536, 65537, 128256}) {
    const Ids ids{0, 1, static_cast<std::int32_t>(vocabulary - 1)};
    const auto stream = memory_tokens("ids", ids, vocabulary);
    Ids got(3);
    stream->read(0, got);
    EXPECT_EQ(got, ids) << vocabulary;
    const Ids bad{static_cast<std::int32_t>(vocabulary)};
    EXPECT_THROW((void)memory_tokens("ids", bad, vocabulary), Error);
  }
  EXPECT_THROW((void)memory_tokens("ids", Ids{-1}, 256), Error);
}

TEST(TokenLoading, WindowsLoaderAndDeviceTogether) {
  const auto device = make_cpu_device();
  const Loader loader(std::make_shared<TokenWindows>(counting_stream(1001), WindowOptions{.sequence = 10}),
                      {.global_batch = 4, .order = OrderKind::sequential});
  Batch batch = loader.at(*device, 3, {1, 2});
  EXPECT_EQ(batch["tokens"].shape(), (Shape{2, 10}));
  EXPECT_EQ(to_host<std::int32_t>(batch["tokens"])[0], 130);
  EXPECT_EQ(to_host<std::int32_t>(batch["targets"])[19], 150);
  EXPECT_EQ(batch.first_sample, 13);
}

}  // namespace
}  // namespace trireme::data
