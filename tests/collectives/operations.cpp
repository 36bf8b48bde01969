#include "tests/collectives/operations.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/philox.h"

namespace trireme::test {
namespace {

// A few of each path: none, odd, small (sent with the call), staged, and several pieces of the stage with an odd rest.
constexpr std::int64_t counts[] = {0, 1, 3, 17, 1000, 4097, 70'001};
constexpr std::int64_t many = 200'003;

// Elements in group or device memory, which the host may not be able to reach: they are written and read through a
// copy.
template <class T>
class Values {
 public:
  Values(Group& group, Device& device, std::int64_t count, bool window = false)
      : device_(device),
        storage_(window ? group.allocate(device, count * size_of(dtype_of<T>), MemoryKind::workspace)
                        : device.allocate(count * size_of(dtype_of<T>), MemoryKind::workspace)),
        host_(static_cast<std::size_t>(count)) {}

  std::int64_t count() const { return static_cast<std::int64_t>(host_.size()); }
  Region region(std::string_view label = "values") const { return part(0, count(), label); }
  Region part(std::int64_t begin, std::int64_t count, std::string_view label = "part") const {
    return {
        .data = storage_->data() + begin * size_of(dtype_of<T>), .count = count, .dtype = dtype_of<T>, .label = label};
  }
  // Sets every element to formula(i).
  template <class Formula>
  void fill(const Formula& formula) {
    fill_part(0, count(), formula);
  }
  // Sets element begin + i to formula(i), for `count` of them.
  template <class Formula>
  void fill_part(std::int64_t begin, std::int64_t count, const Formula& formula) {
    for (std::int64_t i = 0; i < count; ++i)
      host_[static_cast<std::size_t>(begin + i)] = static_cast<T>(static_cast<float>(formula(i)));
    device_.copy_from_host(storage_->data(), host_.data(), count_bytes());
  }
  // The elements now, in the order of the compute stream.
  const std::vector<T>& read() {
    device_.copy_to_host(host_.data(), storage_->data(), count_bytes());
    return host_;
  }
  // Throws at the first element that is not formula(i).
  template <class Formula>
  void expect(std::string_view what, const Formula& formula) {
    expect_part(what, 0, count(), formula);
  }
  // Throws at the first element begin + i, of `count`, that is not formula(i).
  template <class Formula>
  void expect_part(std::string_view what, std::int64_t begin, std::int64_t count, const Formula& formula) {
    read();
    for (std::int64_t i = 0; i < count; ++i) {
      const T& found = host_[static_cast<std::size_t>(begin + i)];
      const T wanted = static_cast<T>(static_cast<float>(formula(i)));
      if (std::memcmp(&found, &wanted, sizeof wanted) == 0) continue;
      fail("suite", what, "of", count, dtype_of<T>, "element", i, "expected", static_cast<float>(wanted), "found",
           static_cast<float>(found));
    }
  }

 private:
  std::int64_t count_bytes() const { return count() * size_of(dtype_of<T>); }

  Device& device_;
  std::shared_ptr<Storage> storage_;
  std::vector<T> host_;
};

// Small, and never negative, so that it fits every dtype; different for ranks and elements.
int number(int rank, std::int64_t i) {
  return static_cast<int>((i * 7 + rank * 3 + i / 1000) % 11);
}

int reduced(Reduction reduction, int ranks, std::int64_t i) {
  int result = number(0, i);
  for (int rank = 1; rank < ranks; ++rank) {
    const int next = number(rank, i);
    if (reduction == Reduction::sum) result += next;
    if (reduction == Reduction::max) result = std::max(result, next);
    if (reduction == Reduction::min) result = std::min(result, next);
  }
  return result;
}

// That can be reduced.
template <class Check>
void for_every_number(const Check& check) {
  check(float{});
  check(double{});
  check(BFloat16{});
  check(Float16{});
  check(std::int32_t{});
  check(std::int64_t{});
  check(std::uint8_t{});
}

constexpr Reduction reductions[] = {Reduction::sum, Reduction::max, Reduction::min};

template <class T>
void all_reduce_once(Group& group, Device& device, std::int64_t count, Reduction reduction, bool window) {
  Values<T> values(group, device, count, window);
  values.fill([&](std::int64_t i) { return number(group.rank(), i); });
  group.all_reduce(values.region(), reduction, device.compute());
  device.compute().synchronize();
  values.expect("all_reduce", [&](std::int64_t i) { return reduced(reduction, group.size(), i); });
}

template <class T>
void all_gather_once(Group& group, Device& device, std::int64_t count, bool window, bool in_place) {
  Values<T> all(group, device, count * group.size(), window);
  Values<T> mine(group, device, count, window && !in_place);
  const auto value = [&](std::int64_t i) { return number(group.rank(), i); };
  mine.fill(value);
  all.fill([](std::int64_t) { return 99; });
  const Region own = all.part(group.rank() * count, count);
  if (in_place) all.fill_part(group.rank() * count, count, value);
  group.all_gather(in_place ? own : mine.region(), all.region(), device.compute());
  device.compute().synchronize();
  all.expect("all_gather", [&](std::int64_t i) { return number(static_cast<int>(i / count), i % count); });
}

template <class T>
void reduce_scatter_once(Group& group, Device& device, std::int64_t count, Reduction reduction, bool window,
                         bool in_place) {
  Values<T> all(group, device, count * group.size(), window);
  Values<T> mine(group, device, count, false);
  all.fill([&](std::int64_t i) { return number(group.rank(), i); });
  const Region own = all.part(group.rank() * count, count);
  group.reduce_scatter(all.region(), in_place ? own : mine.region(), reduction, device.compute());
  device.compute().synchronize();
  const auto sum = [&](std::int64_t i) { return reduced(reduction, group.size(), group.rank() * count + i); };
  if (in_place)
    all.expect_part("reduce_scatter in place", group.rank() * count, count, sum);
  else
    mine.expect("reduce_scatter", sum);
}

template <class T>
void broadcast_once(Group& group, Device& device, std::int64_t count, int root, bool window) {
  Values<T> values(group, device, count, window);
  values.fill([&](std::int64_t i) { return number(group.rank(), i); });
  group.broadcast(values.region(), root, device.compute());
  device.compute().synchronize();
  values.expect("broadcast", [&](std::int64_t i) { return number(root, i); });
}

template <class T>
void all_to_all_once(Group& group, Device& device, std::int64_t count, bool window) {
  Values<T> in(group, device, count * group.size(), window);
  Values<T> out(group, device, count * group.size(), false);
  in.fill([&](std::int64_t i) { return number(group.rank(), i); });
  group.all_to_all(in.region(), out.region(), device.compute());
  device.compute().synchronize();
  out.expect("all_to_all",
             [&](std::int64_t i) { return number(static_cast<int>(i / count), group.rank() * count + i % count); });
}

// Around a ring: even ranks send first, so that no send waits for one that waits for it.
template <class T>
void ring_once(Group& group, Device& device, std::int64_t count) {
  const int next = (group.rank() + 1) % group.size();
  const int previous = (group.rank() + group.size() - 1) % group.size();
  Values<T> out(group, device, count);
  Values<T> in(group, device, count);
  out.fill([&](std::int64_t i) { return number(group.rank(), i); });
  const bool first = group.rank() % 2 == 0;
  if (first) group.send(out.region("ring"), next, device.compute());
  group.recv(in.region("ring"), previous, device.compute());
  if (!first) group.send(out.region("ring"), next, device.compute());
  device.compute().synchronize();
  in.expect("ring", [&](std::int64_t i) { return number(previous, i); });
}

}  // namespace

void check_all_reduce(Group& group, Device& device) {
  for (std::int64_t count : {0, 1, 3, 17, 1000, 4097})
    for (Reduction reduction : reductions)
      for_every_number([&](auto type) { all_reduce_once<decltype(type)>(group, device, count, reduction, false); });
  for_every_number([&](auto type) { all_reduce_once<decltype(type)>(group, device, 30'001, Reduction::sum, false); });
  all_reduce_once<float>(group, device, many, Reduction::sum, false);
  all_reduce_once<BFloat16>(group, device, many, Reduction::sum, false);
}

void check_all_gather(Group& group, Device& device) {
  for (std::int64_t count : counts)
    for (bool in_place : {false, true}) {
      all_gather_once<float>(group, device, count, false, in_place);
      all_gather_once<BFloat16>(group, device, count, false, in_place);
      all_gather_once<std::uint8_t>(group, device, count, false, in_place);
    }
}

void check_reduce_scatter(Group& group, Device& device) {
  for (std::int64_t count : counts)
    for (bool in_place : {false, true}) {
      reduce_scatter_once<float>(group, device, count, in_place ? Reduction::sum : Reduction::max, false, in_place);
      reduce_scatter_once<BFloat16>(group, device, count, Reduction::sum, false, in_place);
      reduce_scatter_once<std::uint8_t>(group, device, count, Reduction::sum, false, in_place);
    }
}

void check_broadcast(Group& group, Device& device) {
  for (std::int64_t count : counts)
    for (int root = 0; root < group.size(); ++root) broadcast_once<float>(group, device, count, root, false);
  broadcast_once<std::uint8_t>(group, device, many, group.size() / 2, false);
}

void check_all_to_all(Group& group, Device& device) {
  for (std::int64_t count : counts) {
    all_to_all_once<float>(group, device, count, false);
    all_to_all_once<BFloat16>(group, device, count, false);
  }
}

void check_send_recv(Group& group, Device& device) {
  if (group.size() == 1) return;  // nobody else
  for (std::int64_t count : counts) {
    ring_once<float>(group, device, count);
    ring_once<std::uint8_t>(group, device, count);
  }
  for (int message = 0; message < 50; ++message) {  // small ones do not wait for their receiver
    Values<std::int32_t> value(group, device, 1);
    value.fill([&](std::int64_t) { return message; });
    if (group.rank() == 0) group.send(value.region(), 1, device.compute());
    if (group.rank() == 1) group.recv(value.region(), 0, device.compute());
    value.expect("message", [&](std::int64_t) { return message; });
  }
}

void check_barrier(Group& group, Device& device) {
  for (int round = 0; round < 20; ++round) group.barrier(device.compute());
}

void check_windows(Group& group, Device& device) {
  for (std::int64_t count : counts) {
    all_reduce_once<float>(group, device, count, Reduction::sum, true);
    all_reduce_once<double>(group, device, count, Reduction::min, true);
    all_reduce_once<BFloat16>(group, device, count, Reduction::sum, true);
    all_reduce_once<Float16>(group, device, count, Reduction::sum, true);
    for (bool in_place : {false, true}) {
      all_gather_once<float>(group, device, count, true, in_place);
      reduce_scatter_once<float>(group, device, count, Reduction::sum, true, in_place);
    }
    broadcast_once<float>(group, device, count, group.size() - 1, true);
    all_to_all_once<float>(group, device, count, true);
  }
  // A part of a window, at an odd place.
  Values<float> values(group, device, 300'000, true);
  values.fill([&](std::int64_t i) { return number(group.rank(), i); });
  group.all_reduce(values.part(77'777, 100'001), Reduction::sum, device.compute());
  values.expect("part of a window", [&](std::int64_t i) {
    const bool inside = i >= 77'777 && i < 77'777 + 100'001;
    return inside ? reduced(Reduction::sum, group.size(), i) : number(group.rank(), i);
  });
}

void check_split(Group& group, Device& device) {
  const int color = group.rank() % 2;
  const auto half = group.split(color, -group.rank(), "half");
  const int members = (group.size() + 1 - color) / 2;
  if (half->size() != members || half->rank() != members - 1 - group.rank() / 2)
    fail("suite", "split: expected rank", members - 1 - group.rank() / 2, "of", members, "found", half->rank(), "of",
         half->size());
  if (half->name() != "half" || half->transport() != group.transport()) fail("suite", "split: wrong name");
  for (std::int64_t count : {5, 100'000}) {
    Values<float> values(group, device, count, count > 5);  // a window of the parent serves the child
    values.fill([&](std::int64_t i) { return group.rank() + i % 3; });
    half->all_reduce(values.region(), Reduction::sum, device.compute());
    int ranks = 0;
    for (int rank = color; rank < group.size(); rank += 2) ranks += rank;
    values.expect("half", [&](std::int64_t i) { return ranks + static_cast<int>(i % 3) * members; });
    group.all_reduce(values.region(), Reduction::max, device.compute());
  }
  // Its ranks are in the order that was asked for: the parent's, backwards.
  Values<std::int32_t> mine(group, device, 1), all(group, device, members);
  mine.fill([&](std::int64_t) { return group.rank(); });
  half->all_gather(mine.region(), all.region(), device.compute());
  all.expect("order of half", [&](std::int64_t i) { return color + 2 * (members - 1 - i); });
  const auto alone = half->split(half->rank(), 0, "alone");
  if (alone->size() != 1) fail("suite", "split: expected one rank, found", alone->size());
  all_reduce_once<float>(*alone, device, 1000, Reduction::sum, true);
  const auto again = group.split(0, 0, "again");
  all_reduce_once<float>(*again, device, 100'000, Reduction::sum, true);
}

namespace {

void random_operations(Group& group, Device& device, unsigned seed, int operations) {
  std::mt19937 random(seed);
  for (int operation = 0; operation < operations; ++operation) {
    const std::int64_t count = counts[random() % std::size(counts)];
    const bool window = random() % 4 == 0;
    const bool in_place = random() % 2 == 0;
    const Reduction reduction = reductions[random() % 3];
    const int root = static_cast<int>(random() % static_cast<unsigned>(group.size()));
    switch (random() % 6) {
      case 0: all_reduce_once<float>(group, device, count, reduction, window); break;
      case 1: all_reduce_once<BFloat16>(group, device, count, reduction, window); break;
      case 2: all_gather_once<std::int32_t>(group, device, count, window, in_place); break;
      case 3: reduce_scatter_once<float>(group, device, count, reduction, window, in_place); break;
      case 4: broadcast_once<double>(group, device, count, root, window); break;
      case 5: all_to_all_once<float>(group, device, count, window); break;
    }
  }
}

}  // namespace

void check_random_order(Group& group, Device& device, unsigned seed) {
  random_operations(group, device, seed, 40);
  // A second group on the communication stream, while the first goes on here.
  const auto second = group.split(0, 0, "second");
  Values<float> shared(group, device, 200'000, true);
  shared.fill([&](std::int64_t i) { return number(group.rank(), i); });
  device.communication().wait(device.compute().record());
  for (int round = 0; round < 10; ++round)
    second->all_reduce(shared.region("second"), round == 0 ? Reduction::sum : Reduction::max, device.communication());
  random_operations(group, device, seed + 1, 20);
  device.communication().synchronize();
  shared.expect("on the second stream", [&](std::int64_t i) { return reduced(Reduction::sum, group.size(), i); });
}

std::uint64_t checksum_of_sums(Group& group, Device& device) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto add = [&](auto type, std::int64_t count, bool window) {
    using T = decltype(type);
    Values<T> values(group, device, count, window);
    const RandomKey key{.seed = 5, .stream = static_cast<std::uint64_t>(group.rank())};
    values.fill([&](std::int64_t i) {
      const std::uint32_t word = random_word(key, static_cast<std::uint64_t>(i));
      const float scale = std::bit_cast<float>((120u + word % 16u) << 23);  // 2^-7 ... 2^8
      return (unit_float(word) - 0.5f) * scale;
    });
    group.all_reduce(values.region(), Reduction::sum, device.compute());
    const std::string_view bytes(reinterpret_cast<const char*>(values.read().data()),
                                 static_cast<std::size_t>(values.region().bytes()));
    hash = hash_name(bytes, hash);
  };
  for (bool window : {false, true})
    for (std::int64_t count : counts) {
      add(float{}, count, window);
      add(BFloat16{}, count, window);
      add(Float16{}, count, window);
      add(double{}, count, window);
    }
  return hash;
}

}  // namespace trireme::test
