#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/cpu/worker_stream.h"
#include "runtime/device/dry/dry_device.h"
#include "runtime/device/inline_stream.h"

namespace trireme::test {
namespace {

using namespace std::chrono_literals;

// Work that holds a stream until it is let go. Let go at the end of a test at the latest.
class Gate {
 public:
  std::function<void()> work() {
    return [opened = opened_] { ASSERT_EQ(opened.wait_for(20s), std::future_status::ready); };
  }
  void open() {
    if (!open_) promise_.set_value();
    open_ = true;
  }
  ~Gate() { open(); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> opened_ = promise_.get_future().share();
  bool open_ = false;
};

TEST(Events, ADefaultEventIsReached) {
  const Event event;
  EXPECT_TRUE(event.reached());
  event.wait();
}

TEST(InlineStreams, RunWorkAtOnceInTheCallingThread) {
  InlineStream stream;
  std::thread::id where;
  stream.run([&] { where = std::this_thread::get_id(); });
  EXPECT_EQ(where, std::this_thread::get_id());
  EXPECT_TRUE(stream.record().reached());
  stream.synchronize();
}

TEST(InlineStreams, ErrorsReachTheCaller) {
  InlineStream stream;
  EXPECT_THROW(stream.run([] { fail("work", "broke"); }), Error);
}

TEST(InlineStreams, WaitForEventsOfOtherStreams) {
  WorkerStream worker;
  InlineStream stream;
  std::atomic<bool> done = false;
  worker.run([&] {
    std::this_thread::sleep_for(20ms);
    done = true;
  });
  stream.wait(worker.record());
  EXPECT_TRUE(done);
}

TEST(WorkerStreams, RunWorkInOrderInOneOtherThread) {
  WorkerStream stream;
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  for (int i = 0; i < 1000; ++i)
    stream.run([&, i] {
      order.push_back(i);
      threads.push_back(std::this_thread::get_id());
    });
  stream.synchronize();
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  for (std::thread::id id : threads) EXPECT_EQ(id, threads[0]);
  EXPECT_NE(threads[0], std::this_thread::get_id());
}

TEST(WorkerStreams, AnEventIsReachedWhenTheWorkBeforeItIsDone) {
  WorkerStream stream;
  Gate first, second;
  EXPECT_TRUE(stream.record().reached());  // nothing before it
  stream.run(first.work());
  const Event early = stream.record();
  stream.run(second.work());
  const Event late = stream.record();
  EXPECT_FALSE(early.reached());
  first.open();
  early.wait();
  EXPECT_TRUE(early.reached());
  EXPECT_FALSE(late.reached());
  second.open();
  late.wait();
  EXPECT_TRUE(late.reached());
}

TEST(WorkerStreams, WorkAfterAWaitStartsAfterTheEvent) {
  WorkerStream producer, consumer;
  Gate gate;
  std::atomic<int> produced = 0, seen = -1;
  producer.run(gate.work());
  producer.run([&] { produced = 7; });
  consumer.wait(producer.record());
  consumer.run([&] { seen = produced.load(); });
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(seen, -1);
  gate.open();
  consumer.synchronize();
  EXPECT_EQ(seen, 7);
}

TEST(WorkerStreams, TheFirstErrorIsRethrownAndLaterWorkIsDropped) {
  WorkerStream stream;
  bool ran = false;
  const Event before = stream.record();
  stream.run([] { fail("first", "broke"); });
  stream.run([] { fail("second", "broke"); });
  stream.run([&] { ran = true; });
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      stream.synchronize();
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "[first] broke");
    }
  }
  EXPECT_FALSE(ran);
  EXPECT_TRUE(stream.record().reached());
  EXPECT_THROW(stream.record().wait(), Error);
}

TEST(WorkerStreams, AnErrorTravelsThroughEventsToWaitingStreams) {
  WorkerStream producer, consumer;
  Gate gate;
  bool ran = false;
  producer.run(gate.work());
  producer.run([] { fail("producer", "broke"); });
  consumer.wait(producer.record());
  consumer.run([&] { ran = true; });
  gate.open();
  EXPECT_THROW(consumer.synchronize(), Error);
  EXPECT_FALSE(ran);
}

TEST(WorkerStreams, TheDestructorFinishesTheWork) {
  int done = 0;
  {
    WorkerStream stream;
    for (int i = 0; i < 100; ++i) stream.run([&] { ++done; });
  }
  EXPECT_EQ(done, 100);
}

TEST(WorkerStreams, EventsMayOutliveTheirStream) {
  Event event;
  {
    WorkerStream stream;
    stream.run([] { std::this_thread::sleep_for(5ms); });
    event = stream.record();
  }
  EXPECT_TRUE(event.reached());
  event.wait();
}

TEST(WorkerStreams, WhatWorkHoldsIsReleasedBeforeTheEventIsSeen) {
  WorkerStream stream;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  stream.run([held = std::move(held)] { std::this_thread::sleep_for(5ms); });
  stream.record().wait();
  EXPECT_TRUE(watched.expired());
}

TEST(WorkerStreams, WhatWorkHoldsMayUseTheStreamAsItGoes) {
  WorkerStream stream;
  bool ran = false;
  auto held = std::shared_ptr<void>(nullptr, [&](void*) { stream.run([&] { ran = true; }); });
  stream.run([held = std::move(held)] {});
  stream.synchronize();  // the destructor's work was appended before this returned
  stream.synchronize();
  EXPECT_TRUE(ran);
}

TEST(WorkerStreams, ManyThreadsMaySubmit) {
  WorkerStream stream;
  int done = 0;  // written by the stream's thread alone
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i) stream.run([&] { ++done; });
    });
  for (std::thread& thread : threads) thread.join();
  stream.synchronize();
  EXPECT_EQ(done, 1000);
}

TEST(DeviceStreams, ComputeIsTheCallerAndCommunicationIsNot) {
  const auto device = make_cpu_device();
  std::thread::id compute, communication;
  device->compute().run([&] { compute = std::this_thread::get_id(); });
  device->communication().run([&] { communication = std::this_thread::get_id(); });
  device->communication().synchronize();
  EXPECT_EQ(compute, std::this_thread::get_id());
  EXPECT_NE(communication, std::this_thread::get_id());
  const auto dry = make_dry_device();
  dry->communication().run([&] { communication = std::this_thread::get_id(); });
  EXPECT_EQ(communication, std::this_thread::get_id());
}

}  // namespace
}  // namespace trireme::test
