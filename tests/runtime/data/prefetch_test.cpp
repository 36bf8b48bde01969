#include "runtime/data/prefetch.h"

#include <gtest/gtest.h>

#include <chrono>

#include "runtime/device/cpu/cpu_device.h"
#include "tests/runtime/data/numbers.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using test::message_of;

std::shared_ptr<const Loader> loader_over(std::shared_ptr<const Source> source, std::int64_t global_batch) {
  return std::make_shared<Loader>(std::move(source), LoaderOptions{.global_batch = global_batch, .seed = 5});
}

class PrefetchTest : public ::testing::Test {
 protected:
  std::unique_ptr<Device> device_ = make_cpu_device();
};

TEST_F(PrefetchTest, GivesTheLoadersBatchesMicroByMicro) {
  const auto loader = loader_over(std::make_shared<Numbers>(50), 12);
  for (std::int64_t ahead : {1, 2, 7}) {
    Prefetcher prefetcher(loader, {.division = {.part = 1, .parts = 2, .micros = 3}, .first_step = 4, .ahead = ahead});
    for (std::int64_t step = 4; step < 10; ++step)
      for (std::int64_t micro = 0; micro < 3; ++micro) {
        const Batch got = prefetcher.next(*device_);
        const Batch want = loader->at(*device_, step, share_of(12, {1, 2, 3}, micro));
        ASSERT_EQ(got.first_sample, want.first_sample);
        ASSERT_EQ(to_host<std::int64_t>(got["pair"]), to_host<std::int64_t>(want["pair"]));
      }
  }
}

TEST_F(PrefetchTest, ReadsAheadAndNoFurther) {
  const auto source = std::make_shared<Numbers>(1000);
  Prefetcher prefetcher(loader_over(source, 10), {.ahead = 3});
  const auto settle = [&](std::int64_t reads) {
    for (int i = 0; i < 1000 && source->reads() < reads; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return source->reads();
  };
  // Three batches wait, and the next is ready in the thread's hands.
  EXPECT_EQ(settle(40), 40);
  (void)prefetcher.next(*device_);
  EXPECT_EQ(settle(50), 50);
}

TEST_F(PrefetchTest, AnErrorComesInTheBatchsPlaceAndAgain) {
  const auto source = std::make_shared<Numbers>(1000);
  source->fail_after = 25;
  Prefetcher prefetcher(loader_over(source, 10), {.ahead = 2});
  EXPECT_NO_THROW((void)prefetcher.next(*device_));
  EXPECT_NO_THROW((void)prefetcher.next(*device_));
  const std::string message = message_of<Error>([&] { (void)prefetcher.next(*device_); });
  EXPECT_NE(message.find("is broken"), std::string::npos) << message;
  EXPECT_EQ(message_of<Error>([&] { (void)prefetcher.next(*device_); }), message);
}

TEST_F(PrefetchTest, StorageThatDoesNotAnswerIsAnErrorAfterTheDeadline) {
  const auto source = std::make_shared<Numbers>(1000);
  Prefetcher prefetcher(loader_over(source, 10),
                        {.first_step = 7, .ahead = 1, .deadline = std::chrono::milliseconds(50)});
  (void)prefetcher.next(*device_);
  source->stuck = true;
  std::string message = "no error";
  int taken = 0;
  for (; taken < 4 && message == "no error"; ++taken)  // batches that were read before may still come
    message = message_of<Error>([&] { (void)prefetcher.next(*device_); });
  source->stuck = false;
  const std::string expected = "waited 0.05 s for the samples of step " + std::to_string(7 + taken) + " - the storage";
  EXPECT_NE(message.find(expected), std::string::npos) << message << " after " << taken;
  EXPECT_NO_THROW((void)prefetcher.next(*device_)) << "it goes on when the storage answers";
}

TEST_F(PrefetchTest, AReadThatNeverReturnsHoldsNobodyBack) {
  const auto source = std::make_shared<Numbers>(1000);
  std::weak_ptr<const Loader> left_behind;
  const auto start = std::chrono::steady_clock::now();
  {
    source->stuck = true;
    const auto loader = loader_over(source, 10);
    left_behind = loader;
    Prefetcher prefetcher(loader, {.deadline = std::chrono::milliseconds(50)});
    EXPECT_THROW((void)prefetcher.next(*device_), TimedOut);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_FALSE(left_behind.expired()) << "the thread still reads from it";
  source->stuck = false;
  for (int i = 0; i < 5000 && !left_behind.expired(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(left_behind.expired()) << "the thread ends with its read";
}

TEST_F(PrefetchTest, EndsAtAnyMoment) {
  for (int taken = 0; taken < 60; ++taken) {
    const auto source = std::make_shared<Numbers>(1000);
    if (taken % 3 == 0) source->fail_after = taken * 7;
    Prefetcher prefetcher(loader_over(source, 10), {.ahead = 1 + taken % 4});
    try {
      for (int i = 0; i < taken % 7; ++i) (void)prefetcher.next(*device_);
    } catch (const Error&) {
    }
  }
}

TEST_F(PrefetchTest, WhatCannotWorkIsRefusedAtOnce) {
  const auto loader = loader_over(std::make_shared<Numbers>(10), 4);
  EXPECT_THROW(Prefetcher(loader, {.division = {.parts = 3}}), Error);
  EXPECT_THROW(Prefetcher(loader, {.ahead = 0}), Error);
  EXPECT_THROW(Prefetcher(loader, {.first_step = -1}), Error);
}

}  // namespace
}  // namespace trireme::data
