#include "parallel/pipeline/simulate.h"

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/base/error.h"

namespace trireme::parallel {
namespace {

// One rank: what it computes and what it transfers, each a queue.
struct Lane {
  std::vector<const Action*> actions;
  std::size_t next = 0;
  double free = 0.0;

  const Action* head() const { return next < actions.size() ? actions[next] : nullptr; }
};

class Player {
 public:
  Player(const Schedule& schedule, const PipelineCosts& costs)
      : schedule_(schedule), costs_(costs), computing_(schedule.table.size()), moving_(schedule.table.size()) {
    for (std::size_t rank = 0; rank < schedule.table.size(); ++rank)
      for (const Action& action : schedule.table[rank])
        (is_transfer(action.work) ? moving_ : computing_)[rank].actions.push_back(&action);
  }

  Timeline run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (int rank = 0; rank < schedule_.shape.ranks; ++rank)
        while (compute(rank) || transfer(rank)) moved = true;
    }
    for (int rank = 0; rank < schedule_.shape.ranks; ++rank)
      for (const Lane* lane : {&of(computing_, rank), &of(moving_, rank)})
        if (const Action* stuck = lane->head())
          fail("pipeline", schedule_.name + ": rank", rank, "waits for ever at", describe(*stuck, schedule_.shape));
    return std::move(timeline_);
  }

 private:
  // What is there, and when: results by the stage that made them, inputs by the stage that received them.
  using Times = std::map<Parcel, double>;

  static Lane& of(std::vector<Lane>& lanes, int rank) { return lanes[static_cast<std::size_t>(rank)]; }

  double duration(const Action& action, int stage) const {
    const double factor = costs_.stages.empty() ? 1.0 : costs_.stages[static_cast<std::size_t>(stage)];
    switch (action.work) {
      case Work::forward: return factor * costs_.forward;
      case Work::input_gradient: return factor * costs_.input_gradient;
      case Work::weight_gradient: return factor * costs_.weight_gradient;
      default: return factor * (costs_.input_gradient + costs_.weight_gradient);
    }
  }

  // The time at which a computation's input is there; false while it is not.
  bool input_time(int rank, const Action& action, double& time) const {
    const int stage = schedule_.stage_of(rank, action.chunk);
    const bool forward = action.work == Work::forward;
    time = 0.0;
    if (!forward && !is_backward(action.work)) return true;
    const int before = forward ? stage - 1 : stage + 1;
    if (before < 0 || before == schedule_.stages()) return true;
    const bool here = schedule_.place_of(before).rank == rank;
    const Times& times = here ? made_ : arrived_;
    const auto found = times.find({forward, stage, action.micro});
    if (found != times.end()) time = found->second;
    return found != times.end();
  }

  bool compute(int rank) {
    Lane& lane = of(computing_, rank);
    const Action* action = lane.head();
    double ready = 0.0;
    if (!action || !input_time(rank, *action, ready)) return false;
    const int stage = schedule_.stage_of(rank, action->chunk);
    const double begin = std::max(lane.free, ready), end = begin + duration(*action, stage);
    timeline_.push_back({rank, *action, begin, end});
    lane.free = end;
    ++lane.next;
    if (action->work == Work::forward) made_[{true, stage + 1, action->micro}] = end;
    if (is_backward(action->work)) made_[{false, stage - 1, action->micro}] = end;
    return true;
  }

  // Both sides at once, when both have come to it.
  bool transfer(int rank) {
    Lane& mine = of(moving_, rank);
    const Action* action = mine.head();
    if (!action) return false;
    Lane& theirs = of(moving_, action->peer);
    const Action* other = theirs.head();
    const Parcel parcel = schedule_.parcel_of(rank, *action);
    if (!other || other->peer != rank || schedule_.parcel_of(action->peer, *other) != parcel) return false;
    const auto made = made_.find(parcel);
    if (made == made_.end()) return false;
    const double begin = std::max({mine.free, theirs.free, made->second}), end = begin + costs_.transfer;
    timeline_.push_back({rank, *action, begin, end});
    timeline_.push_back({action->peer, *other, begin, end});
    arrived_[parcel] = mine.free = theirs.free = end;
    ++mine.next;
    ++theirs.next;
    return true;
  }

  const Schedule& schedule_;
  const PipelineCosts& costs_;
  std::vector<Lane> computing_, moving_;
  Times made_, arrived_;
  Timeline timeline_;
};

}  // namespace

Simulation simulate(const Schedule& schedule, const PipelineCosts& costs) {
  require(costs.stages.empty() || costs.stages.size() == static_cast<std::size_t>(schedule.stages()), "pipeline",
          "expected a factor for each of", schedule.stages(), "stages, found", costs.stages.size());
  Simulation result{.timeline = Player(schedule, costs).run(), .usage = {}, .in_flight = {}};
  result.usage = usage_of(result.timeline);
  std::vector<double> held(schedule.table.size(), 0.0);
  result.in_flight = held;
  for (const Span& span : result.timeline) {  // each rank's spans are in the order of its table
    const auto rank = static_cast<std::size_t>(span.rank);
    if (span.action.work == Work::forward) held[rank] += 1.0;
    if (span.action.work == Work::backward) held[rank] -= 1.0;
    if (span.action.work == Work::input_gradient) held[rank] -= 1.0 - costs.kept;
    if (span.action.work == Work::weight_gradient) held[rank] -= costs.kept;
    result.in_flight[rank] = std::max(result.in_flight[rank], held[rank]);
  }
  return result;
}

}  // namespace trireme::parallel
