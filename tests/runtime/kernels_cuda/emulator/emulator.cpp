#include "tests/runtime/kernels_cuda/emulator/emulator.h"

#include "tests/runtime/kernels_cuda/emulator/cuda_runtime.h"

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/base/error.h"

// Saves the registers that calls preserve and the stack on one stack, and takes them from another.
extern "C" void trireme_switch_stacks(void** save, void* load);
asm(R"(
.text
.globl trireme_switch_stacks
.type trireme_switch_stacks, @function
trireme_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size trireme_switch_stacks, .-trireme_switch_stacks
)");

namespace trireme::test {
namespace {

constexpr unsigned warp_lanes = 32, most_threads = 1024;
constexpr std::size_t stack_bytes = 128 * 1024;

enum class Waits { no, for_block, for_warp, done };

struct Fiber {
  std::unique_ptr<std::byte[]> memory{new std::byte[stack_bytes]};  // pages are touched as they are used
  void* stack = nullptr;
  Waits waits = Waits::no;
  std::uint64_t exchange = 0;  // that it waits for
};

struct Warp {
  unsigned arrived = 0;
  std::uint64_t exchanges = 0;                                 // completed
  std::array<std::array<std::byte, 8>, warp_lanes> values[2];  // of even and of odd exchanges
};

// One block at a time; kernels know nothing of whom they run in, so neither can this be anything but global.
struct Processor {
  std::vector<Fiber> fibers;
  std::vector<Warp> warps;
  void* scheduler = nullptr;
  unsigned current = 0, threads = 0;
  std::uint64_t launches = 0;
  const std::function<void()>* kernel = nullptr;
  std::exception_ptr error;
};
Processor& processor() {
  static Processor only;
  return only;
}

void pause(Waits why) {
  Processor& p = processor();
  Fiber& fiber = p.fibers[p.current];
  fiber.waits = why;
  trireme_switch_stacks(&fiber.stack, p.scheduler);
}

void fiber_main() {
  Processor& p = processor();
  try {
    (*p.kernel)();
  } catch (...) {
    if (!p.error) p.error = std::current_exception();
  }
  pause(Waits::done);
}

// A stack from which the switch returns into fiber_main with the alignment that a call would leave.
void prepare(Fiber& fiber) {
  auto top = reinterpret_cast<std::uintptr_t>(fiber.memory.get() + stack_bytes) & ~std::uintptr_t{15};
  auto* words = reinterpret_cast<void**>(top - 16);
  *words = reinterpret_cast<void*>(&fiber_main);
  for (int i = 1; i <= 6; ++i) words[-i] = nullptr;
  fiber.stack = words - 6;
  fiber.waits = Waits::no;
  fiber.exchange = 0;
}

bool ready(Processor& p, unsigned thread) {
  Fiber& fiber = p.fibers[thread];
  if (fiber.waits == Waits::for_warp && p.warps[thread / warp_lanes].exchanges > fiber.exchange)
    fiber.waits = Waits::no;
  return fiber.waits == Waits::no;
}

void run_thread(Processor& p, unsigned thread) {
  p.current = thread;
  threadIdx = {thread, 0, 0};
  trireme_switch_stacks(&p.scheduler, p.fibers[thread].stack);
  if (p.error) std::rethrow_exception(std::exchange(p.error, nullptr));
}

// How the turns of a launch go, by its number.
struct Order {
  bool backwards, blocks_backwards;
  bool warp_by_warp;  // a warp runs as far as it gets before the next one starts
  unsigned start;     // the first thread's number

  explicit Order(std::uint64_t number) {
    const std::uint64_t mixed = number * 0x9E3779B97F4A7C15u;
    backwards = (mixed >> 60) & 1, blocks_backwards = (mixed >> 61) & 1, warp_by_warp = (mixed >> 62) & 1;
    start = static_cast<unsigned>(mixed >> 40) % most_threads;
  }
  unsigned place(unsigned turn, unsigned count) const {
    return (start + (backwards ? count - 1 - turn : turn)) % count;
  }
};

// Every thread of [first, first + count) that can run has a turn; false if none could.
bool run_ready(Processor& p, const Order& order, unsigned first, unsigned count) {
  bool any = false;
  for (unsigned turn = 0; turn < count; ++turn) {
    const unsigned thread = first + order.place(turn, count);
    if (!ready(p, thread)) continue;
    any = true;
    run_thread(p, thread);
  }
  return any;
}

bool take_turns(Processor& p, const Order& order) {
  if (!order.warp_by_warp) return run_ready(p, order, 0, p.threads);
  bool any = false;
  const auto warps = static_cast<unsigned>(p.warps.size());
  for (unsigned turn = 0; turn < warps; ++turn) {
    const unsigned first = order.place(turn, warps) * warp_lanes;
    while (run_ready(p, order, first, std::min(warp_lanes, p.threads - first))) any = true;
  }
  return any;
}

void run_block(Processor& p, const Order& order) {
  for (unsigned t = 0; t < p.threads; ++t) prepare(p.fibers[t]);
  for (Warp& warp : p.warps) warp.arrived = 0, warp.exchanges = 0;
  const auto state = [&](Waits waits) {
    return std::count_if(p.fibers.begin(), p.fibers.begin() + p.threads,
                         [=](const Fiber& f) { return f.waits == waits; });
  };
  while (state(Waits::done) < p.threads) {
    if (take_turns(p, order)) continue;
    if (state(Waits::for_block) != p.threads)
      fail("emulator", "expected every thread at the same barrier or exchange, found", state(Waits::for_block),
           "at __syncthreads,", state(Waits::for_warp), "exchanging with their warp and", state(Waits::done),
           "that have returned, of", p.threads);
    for (unsigned t = 0; t < p.threads; ++t) p.fibers[t].waits = Waits::no;
  }
}

}  // namespace

void emulate(const EmulatedGrid& grid, const std::function<void()>& kernel) {
  require(grid.blocks > 0 && grid.blocks < (std::int64_t{1} << 31), "emulator", "expected 1 to 2^31 - 1 blocks, found",
          grid.blocks);
  require(grid.blocks_y > 0 && grid.blocks_y < (1 << 16), "emulator", "expected 1 to 65535 blocks along y, found",
          grid.blocks_y);
  require(grid.threads > 0 && grid.threads <= static_cast<int>(most_threads), "emulator",
          "expected 1 to 1024 threads in a block, found", grid.threads);
  Processor& p = processor();
  p.threads = static_cast<unsigned>(grid.threads);
  if (p.fibers.size() < p.threads) p.fibers.resize(p.threads);
  p.warps.resize((p.threads + warp_lanes - 1) / warp_lanes);
  p.kernel = &kernel;
  const Order order(++p.launches);
  blockDim = {p.threads, 1, 1};
  gridDim = {static_cast<unsigned>(grid.blocks), static_cast<unsigned>(grid.blocks_y), 1};
  const std::int64_t blocks = grid.blocks * grid.blocks_y;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const std::int64_t block = order.blocks_backwards ? blocks - 1 - i : i;
    blockIdx = {static_cast<unsigned>(block % grid.blocks), static_cast<unsigned>(block / grid.blocks), 0};
    run_block(p, order);
  }
}

namespace {

std::vector<std::function<void()>>*& recorded_work() {
  static std::vector<std::function<void()>>* only = nullptr;
  return only;
}

}  // namespace

void enqueue(std::function<void()> work) {
  if (recorded_work()) return recorded_work()->push_back(std::move(work));
  work();
}

void record_work(std::vector<std::function<void()>>* recorded) {
  recorded_work() = recorded;
}

unsigned lane() {
  return processor().current % warp_lanes;
}

void exchange_lanes(unsigned mask, void* value, std::size_t bytes, unsigned from) {
  Processor& p = processor();
  const unsigned thread = p.current, mine = thread % warp_lanes, first = thread - mine;
  require(mask == 0xffffffffu, "emulator", "expected a mask of the whole warp, found", mask);
  require(first + warp_lanes <= p.threads, "emulator", "expected whole warps, found", p.threads, "threads in a block");
  require(from < warp_lanes, "emulator", "expected a lane below 32, found", from);
  Warp& warp = p.warps[first / warp_lanes];
  const std::uint64_t number = warp.exchanges;
  auto& values = warp.values[number % 2];
  std::memcpy(values[mine].data(), value, bytes);
  if (++warp.arrived == warp_lanes) {
    warp.arrived = 0;
    ++warp.exchanges;
  } else {
    p.fibers[thread].exchange = number;
    pause(Waits::for_warp);
  }
  std::memcpy(value, values[from].data(), bytes);
}

}  // namespace trireme::test

void __syncthreads() {
  using namespace trireme::test;
  pause(Waits::for_block);
}

void __syncwarp(unsigned mask) {
  char nothing = 0;
  trireme::test::exchange_lanes(mask, &nothing, 1, trireme::test::lane());
}
