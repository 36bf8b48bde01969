#include "parallel/pipeline/transfers.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "runtime/base/error.h"

namespace trireme::parallel {
namespace {

int steps_of(Work work) {
  return work == Work::backward ? 2 : 1;
}

// An action and when it is over, in steps; transfers of the same step stand in one order for all ranks.
struct Timed {
  Action action;
  int end = 0;
  std::tuple<int, int, int, int> key;
};

class Timing {
 public:
  explicit Timing(const Schedule& schedule) : schedule_(schedule) {}

  // The end of every computation, by rank.
  std::vector<std::vector<Timed>> run() {
    const std::size_t ranks = schedule_.table.size();
    std::vector<std::vector<Timed>> timed(ranks);
    std::vector<int> clock(ranks, 0);
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t rank = 0; rank < ranks; ++rank)
        while (timed[rank].size() < schedule_.table[rank].size()) {
          const Action& action = schedule_.table[rank][timed[rank].size()];
          const int stage = schedule_.stage_of(static_cast<int>(rank), action.chunk);
          const int* ready = input_of(action, stage);
          if (!ready) break;
          clock[rank] = std::max(clock[rank], *ready) + steps_of(action.work);
          if (action.work == Work::forward) activations_[{stage, action.micro}] = clock[rank];
          if (is_backward(action.work)) gradients_[{stage, action.micro}] = clock[rank];
          timed[rank].push_back({action, clock[rank], {clock[rank], 0, 0, 0}});
          moved = true;
        }
    }
    for (std::size_t rank = 0; rank < ranks; ++rank)
      if (timed[rank].size() < schedule_.table[rank].size())
        fail("pipeline", "expected computations that can be done one after the other;", schedule_.name + ": rank", rank,
             "waits for ever at", describe(schedule_.table[rank][timed[rank].size()], schedule_.shape));
    return timed;
  }

 private:
  using Times = std::map<std::pair<int, int>, int>;  // (stage, micro)

  static const int* find(const Times& times, int stage, int micro) {
    const auto found = times.find({stage, micro});
    return found == times.end() ? nullptr : &found->second;
  }
  // When what an action needs is there; null while it is not.
  const int* input_of(const Action& action, int stage) const {
    if (action.work == Work::forward) return stage == 0 ? &start_ : find(activations_, stage - 1, action.micro);
    if (!is_backward(action.work)) return &start_;
    return stage + 1 == schedule_.stages() ? &start_ : find(gradients_, stage + 1, action.micro);
  }

  const Schedule& schedule_;
  const int start_ = 0;
  Times activations_, gradients_;
};

}  // namespace

void add_transfers(Schedule& schedule) {
  std::vector<std::vector<Timed>> timed = Timing(schedule).run();
  std::vector<std::vector<Timed>> transfers(timed.size());
  for (int rank = 0; rank < schedule.shape.ranks; ++rank) {
    for (const Timed& done : timed[static_cast<std::size_t>(rank)]) {
      const bool forward = done.action.work == Work::forward;
      if (!forward && !is_backward(done.action.work)) continue;
      const int stage = schedule.stage_of(rank, done.action.chunk), next = forward ? stage + 1 : stage - 1;
      if (next < 0 || next == schedule.stages()) continue;
      const Schedule::Place to = schedule.place_of(next);
      if (to.rank == rank) continue;  // handed over without a transfer
      const std::tuple key{done.end, forward ? 1 : 2, stage, done.action.micro};
      transfers[static_cast<std::size_t>(rank)].push_back(
          {{forward ? Work::send_activation : Work::send_gradient, done.action.micro, done.action.chunk, to.rank},
           done.end,
           key});
      transfers[static_cast<std::size_t>(to.rank)].push_back(
          {{forward ? Work::recv_activation : Work::recv_gradient, done.action.micro, to.chunk, rank}, done.end, key});
    }
  }
  for (std::size_t rank = 0; rank < timed.size(); ++rank) {
    std::vector<Timed>& all = timed[rank];
    all.insert(all.end(), transfers[rank].begin(), transfers[rank].end());
    std::stable_sort(all.begin(), all.end(), [](const Timed& a, const Timed& b) { return a.key < b.key; });
    schedule.table[rank].clear();
    for (const Timed& one : all) schedule.table[rank].push_back(one.action);
  }
}

}  // namespace trireme::parallel
