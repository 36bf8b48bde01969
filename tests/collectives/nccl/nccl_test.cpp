// The group over NCCL, with everything but NCCL itself: the whole suite, and what it says when something goes wrong.
#include <gtest/gtest.h>

#include <barrier>
#include <condition_variable>

#include "collectives/nccl/nccl_group.h"
#include "tests/collectives/nccl/fake_gpu.h"
#include "tests/collectives/nccl/fake_nccl.h"
#include "tests/collectives/operations.h"
#include "tests/support/run_ranks.h"

namespace trireme::test {
namespace {

using Body = std::function<void(Group&, FakeGpu&)>;

void on_nccl(int ranks, const Body& body, double deadline = 30.0) {
  auto hosts = make_thread_groups(ranks, {.deadline = 30.0});
  std::vector<std::jthread> threads;
  for (auto& owned : hosts) {
    threads.emplace_back([&, host = std::move(owned)]() mutable {
      FakeGpu gpu;
      std::unique_ptr<Group> group;
      try {
        group = make_nccl_group(std::move(host), gpu, {.deadline = deadline});
        body(*group, gpu);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
        if (group) group->abort(error.what());
      }
    });
  }
}

// The text of what `work` throws.
template <class Kind = Error, class Work>
std::string thrown(const Work& work) {
  try {
    work();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing";
}

void expect_words(const std::string& text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) EXPECT_NE(text.find(word), std::string::npos) << text;
}

class Nccl : public ::testing::TestWithParam<int> {
 protected:
  void on_every_rank(const std::function<void(Group&, Device&)>& check) { on_nccl(GetParam(), check); }
  ~Nccl() override {
    EXPECT_EQ(memory_held(), 0);
    EXPECT_EQ(registrations_held(), 0);
  }
};

TEST_P(Nccl, AllReduce) {
  on_every_rank(check_all_reduce);
}
TEST_P(Nccl, AllGather) {
  on_every_rank(check_all_gather);
}
TEST_P(Nccl, ReduceScatter) {
  on_every_rank(check_reduce_scatter);
}
TEST_P(Nccl, Broadcast) {
  on_every_rank(check_broadcast);
}
TEST_P(Nccl, AllToAll) {
  on_every_rank(check_all_to_all);
}
TEST_P(Nccl, SendRecv) {
  on_every_rank(check_send_recv);
}
TEST_P(Nccl, Barrier) {
  on_every_rank(check_barrier);
}
TEST_P(Nccl, Windows) {
  on_every_rank(check_windows);
}
TEST_P(Nccl, Split) {
  on_every_rank(check_split);
}
TEST_P(Nccl, RandomOrder) {
  on_every_rank([](Group& group, Device& device) { check_random_order(group, device, 3); });
}

INSTANTIATE_TEST_SUITE_P(Ranks, Nccl, ::testing::Values(1, 2, 3, 4));

TEST(NcclGroup, SaysWhatItIs) {
  on_nccl(2, [](Group& group, FakeGpu&) {
    EXPECT_EQ(group.transport(), "nccl");
    EXPECT_FALSE(group.sums_in_rank_order());
    EXPECT_EQ(group.name(), "world");
    EXPECT_TRUE(group.capturable());
  });
}

TEST(NcclGroup, TellsTheDeviceWhatTheOtherStreamUses) {
  on_nccl(2, [](Group& group, FakeGpu& gpu) {
    const auto memory = gpu.allocate(64, MemoryKind::gradients);
    const Region region{.data = memory->data(), .count = 4, .dtype = DType::f32, .label = "gradients"};
    group.all_reduce(region, Reduction::max, gpu.compute());
    EXPECT_TRUE(gpu.lent.empty());
    group.all_reduce(region, Reduction::max, gpu.communication());
    gpu.communication().synchronize();
    EXPECT_EQ(gpu.lent, std::vector<const void*>{memory->data()});
  });
}

TEST(NcclGroup, RefusesWhatNcclCannotDo) {
  on_nccl(2, [](Group& group, FakeGpu& gpu) {
    const auto memory = gpu.allocate(64, MemoryKind::gradients);
    const Region odd{.data = memory->data(), .count = 4, .dtype = DType::u16};
    const Region three{.data = memory->data(), .count = 3, .dtype = DType::f32};
    EXPECT_THROW(group.all_reduce(odd, Reduction::sum, gpu.compute()), Error);
    EXPECT_THROW(group.all_gather(three, three, gpu.compute()), Error);
    EXPECT_THROW(group.reduce_scatter(three, three, Reduction::sum, gpu.compute()), Error);
    EXPECT_THROW(group.all_to_all(three, three, gpu.compute()), Error);
    EXPECT_THROW(group.send(three, group.rank(), gpu.compute()), Error);
    EXPECT_THROW(group.recv(three, 2, gpu.compute()), Error);
    EXPECT_THROW(group.broadcast(three, -1, gpu.compute()), Error);
  });
}

// A rank that never comes: the start of the others ends at the deadline.
TEST(NcclGroup, AStartThatNotAllRanksJoinEndsAtTheDeadline) {
  auto hosts = make_thread_groups(2, {.deadline = 30.0});
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  std::jthread other([&] {
    // Its part in the exchange of the id, and no more.
    std::vector<std::byte> id(sizeof(ncclUniqueId));
    InlineStream here;
    hosts[1]->broadcast({.data = id.data(),
                         .count = static_cast<std::int64_t>(id.size()),
                         .dtype = DType::u8,
                         .label = "the id of NCCL's communicator"},
                        0, here);
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return over; });
  });
  FakeGpu gpu;
  const std::string text = thrown([&] { make_nccl_group(std::move(hosts[0]), gpu, {.deadline = 0.2}); });
  expect_words(text, {"[nccl] rank 0 on host ", "for the other ranks in ncclCommInitRankConfig of group 'world'"});
  const std::lock_guard lock(mutex);
  over = true;
  changed.notify_all();
}

// An Event that is never reached.
class Never : public Event::State {
 public:
  bool reached() const override { return false; }
  void wait() override {}
};
class StuckStream : public InlineStream {
 public:
  Event record() override { return Event(std::make_shared<Never>()); }
};

TEST(NcclGroup, AtTheDeadlineTheFirstCallThatIsNotDoneIsNamed) {
  on_nccl(
      1,
      [](Group& group, FakeGpu& gpu) {
        StuckStream stuck;
        const auto memory = gpu.allocate(64, MemoryKind::gradients);
        const Region region{.data = memory->data(), .count = 4, .dtype = DType::f32, .label = "bucket 3"};
        group.all_reduce(region, Reduction::max, gpu.compute());
        gpu.look(100.0);  // all is done: another group's wait
        group.all_reduce(region, Reduction::sum, stuck);
        group.barrier(stuck);
        gpu.look(9.0);
        const std::string text = thrown([&] { gpu.look(11.0); });
        expect_words(text, {"[nccl] rank 0 on host ",
                            "waited 11 s in call 2, all_reduce sum of 4 f32 'bucket 3' of group 'world'"});
        expect_words(thrown([&] { group.barrier(gpu.compute()); }), {"failed"});
      },
      10.0);
}

TEST(NcclGroup, CapturedCallsAreNamedTogether) {
  on_nccl(
      1,
      [](Group& group, FakeGpu& gpu) {
        const auto memory = gpu.allocate(64, MemoryKind::gradients);
        const Region region{.data = memory->data(), .count = 4, .dtype = DType::f32, .label = "bucket 3"};
        gpu.capture([&] {
          group.all_reduce(region, Reduction::sum, gpu.compute());
          group.barrier(gpu.compute());
        });
        expect_words(thrown([&] { gpu.look(11.0); }),
                     {"one of 2 calls of a captured step, from all_reduce sum of 4 f32 'bucket 3' to barrier"});
      },
      10.0);
}

TEST(NcclGroup, AnErrorOnTheWayIsToldToAllRanks) {
  std::barrier both_have_passed(2);
  on_nccl(2, [&](Group& group, FakeGpu& gpu) {
    const auto half = group.split(0, 0, "again");
    group.barrier(gpu.compute());
    both_have_passed.arrive_and_wait();
    if (group.rank() == 0) {
      set_async_error(0, ncclSystemError);
      const std::string text = thrown([&] { gpu.look(0.1); });
      set_async_error(0, ncclSuccess);
      expect_words(text, {"rank 0 on host ", "some error (a cable is loose)"});
    } else {
      std::string text = "nothing";
      for (int tries = 0; tries < 1000 && text == "nothing"; ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        text = thrown<PeerFailed>([&] { gpu.look(0.1); });
      }
      expect_words(text, {"rank 0 on host ", "a cable is loose"});
    }
    EXPECT_THROW(half->barrier(gpu.compute()), Error);  // what comes of the same start ends with it
  });
}

}  // namespace
}  // namespace trireme::test
