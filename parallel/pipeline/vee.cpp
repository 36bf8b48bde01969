// ZB-V has no closed form: its order comes from playing the pipeline through, time step by time step, every rank taking
// the most urgent action that is possible. Actions last one step each, as the schedule's authors assume.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "parallel/pipeline/orders.h"
#include "runtime/base/error.h"

namespace trireme::parallel {
namespace {

constexpr int chunks = 2;
constexpr int never = std::numeric_limits<int>::max();

struct Progress {
  std::array<int, chunks> forwards{}, backwards{}, weights{};  // micro-batches done, of each chunk
  std::vector<Action> owed;                                    // weight gradients, oldest first
  std::size_t paid = 0;
  int held = 0;  // chunks in flight
  Order order;
};

class Play {
 public:
  // `reserve` places in memory that forwards of the first chunk leave to the second.
  Play(const PipelineShape& shape, int reserve)
      : reserve_(reserve),
        limit_(chunks * shape.ranks),
        ranks_(static_cast<std::size_t>(shape.ranks)),
        schedule_{.name = "zb_v", .shape = shape, .placement = Placement::vee, .table = {}, .promised = {}} {
    const std::vector<int> none(static_cast<std::size_t>(shape.micros), never);
    forward_done_.assign(static_cast<std::size_t>(schedule_.stages()), none);
    backward_done_ = forward_done_;
  }

  // The number of steps; `never` when no rank can go on.
  int run() {
    const int all = 3 * chunks * schedule_.shape.micros * schedule_.shape.ranks;
    int time = 0;
    for (int done = 0, idle = 0; done < all; ++time) {
      int now = 0;
      for (int rank = 0; rank < schedule_.shape.ranks; ++rank) now += step(rank, time) ? 1 : 0;
      done += now;
      idle = now == 0 ? idle + 1 : 0;
      if (idle > 1) return never;  // what was done in the last step has reached everybody
    }
    return time;
  }

  std::vector<Order> orders() {
    std::vector<Order> result;
    for (Progress& rank : ranks_) result.push_back(std::move(rank.order));
    return result;
  }

 private:
  using Times = std::vector<std::vector<int>>;  // [stage][micro]: the step after which it is there

  static int& at(Times& times, int stage, int micro) {
    return times[static_cast<std::size_t>(stage)][static_cast<std::size_t>(micro)];
  }

  bool forward_possible(const Progress& mine, int stage, int chunk, int time) {
    const int micro = mine.forwards[static_cast<std::size_t>(chunk)];
    return micro < schedule_.shape.micros && (stage == 0 || at(forward_done_, stage - 1, micro) <= time);
  }
  bool backward_possible(const Progress& mine, int stage, int chunk, int time) {
    const int micro = mine.backwards[static_cast<std::size_t>(chunk)];
    return micro < mine.forwards[static_cast<std::size_t>(chunk)] &&
           (stage + 1 == schedule_.stages() || at(backward_done_, stage + 1, micro) <= time);
  }

  // Gradients first, for others wait for them; then the forward that is nearer the end of the model, because it frees
  // memory sooner; weight gradients when there is nothing else to do.
  bool step(int rank, int time) {
    Progress& mine = ranks_[static_cast<std::size_t>(rank)];
    for (int chunk = 0; chunk < chunks; ++chunk) {
      const int stage = schedule_.stage_of(rank, chunk);
      if (!backward_possible(mine, stage, chunk, time)) continue;
      const int micro = mine.backwards[static_cast<std::size_t>(chunk)]++;
      at(backward_done_, stage, micro) = time + 1;
      mine.owed.push_back({.work = Work::weight_gradient, .micro = micro, .chunk = chunk});
      mine.order.push_back({.work = Work::input_gradient, .micro = micro, .chunk = chunk});
      return true;
    }
    for (int chunk = chunks - 1; chunk >= 0; --chunk) {
      const int stage = schedule_.stage_of(rank, chunk);
      if (mine.held >= limit_ - (chunk == 0 ? reserve_ : 0) || !forward_possible(mine, stage, chunk, time)) continue;
      const int micro = mine.forwards[static_cast<std::size_t>(chunk)]++;
      at(forward_done_, stage, micro) = time + 1;
      ++mine.held;
      mine.order.push_back({.work = Work::forward, .micro = micro, .chunk = chunk});
      return true;
    }
    if (mine.paid == mine.owed.size()) return false;
    mine.order.push_back(mine.owed[mine.paid++]);
    --mine.held;
    return true;
  }

  int reserve_, limit_;
  std::vector<Progress> ranks_;
  Schedule schedule_;
  Times forward_done_, backward_done_;
};

}  // namespace

std::vector<Order> zb_v_orders(const PipelineShape& shape) {
  Play careful(shape, 1), bold(shape, 0);
  const int careful_time = careful.run(), bold_time = bold.run();
  require(std::min(careful_time, bold_time) < never, "pipeline", "zb_v: expected a table for", shape.ranks, "ranks and",
          shape.micros, "micro-batches, found that all ranks wait");
  return bold_time < careful_time ? bold.orders() : careful.orders();
}

}  // namespace trireme::parallel
