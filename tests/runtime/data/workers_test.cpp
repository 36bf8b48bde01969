#include "runtime/data/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "tests/runtime/data/numbers.h"
#include "tests/support/few_threads.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

TEST(Workers, EveryPieceIsDoneOnce) {
  for (const int threads : {1, 2, 5}) {
    const Workers workers(threads);
    for (const std::int64_t count : {0, 1, 3, 100}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(count));
      workers.each(count, [&](std::int64_t i) { ++done[static_cast<std::size_t>(i)]; });
      for (const auto& times : done) EXPECT_EQ(times, 1);
    }
  }
  EXPECT_THROW(Workers(0), Error);
}

TEST(Workers, SeveralThreadsTakePart) {
  const Workers workers(3);
  std::atomic<int> inside = 0;
  workers.each(3, [&](std::int64_t) {  // each waits for the others: one thread alone would wait for ever
    ++inside;
    while (inside < 3) std::this_thread::yield();
  });
  EXPECT_EQ(inside, 3);
}

TEST(Workers, TheFirstPieceThatFailedIsTold) {
  for (const int threads : {1, 4}) {
    const Workers workers(threads);
    for (int round = 0; round < 20; ++round) {
      const std::string message = test::message_of<Error>([&] {
        workers.each(50, [](std::int64_t i) {
          if (i >= 7 && i % 2 == 1) fail("piece", i);
        });
      });
      EXPECT_EQ(message, "[piece] 7");
    }
    int fine = 0;
    workers.each(1, [&](std::int64_t) { ++fine; });
    EXPECT_EQ(fine, 1) << "an error does not stay";
  }
}

TEST(Workers, ABatchIsTheSameHoweverManyRead) {
  const auto batch = [](int workers) {
    const Loader loader(std::make_shared<Numbers>(31), {.global_batch = 24, .seed = 9, .workers = workers});
    return loader.prepare(3, {4, 16}).fields;
  };
  EXPECT_EQ(batch(4), batch(1));
}

TEST(Workers, ItIsSaidWhenThereAreNotThatMany) {
  EXPECT_EXIT(test::exit_told_of_few_threads([] { Workers workers(64); }), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace trireme::data
