#include "parallel/pipeline/waiting.h"

#include <algorithm>
#include <cstddef>
#include <map>

#include "runtime/base/error.h"

namespace trireme::parallel {
namespace {

constexpr std::size_t named = 8;  // events of a circle that a message shows

// Events: each action of each rank, reached (a computation: over), and each transfer, over. An edge says before.
class Events {
 public:
  Events(const Schedule& schedule, int outstanding) : schedule_(schedule) {
    for (const auto& actions : schedule.table) {
      first_.push_back(count_);
      count_ += actions.size();
    }
    actions_ = count_;
    for (std::size_t rank = 0; rank < schedule.table.size(); ++rank) add_transfers(rank);
    before_.resize(count_);
    for (std::size_t rank = 0; rank < schedule.table.size(); ++rank)
      add_rank(rank, static_cast<std::size_t>(outstanding));
  }

  void check() const {
    std::vector<std::size_t> waits_for(count_), ready;
    std::vector<std::vector<std::size_t>> after(count_);
    for (std::size_t event = 0; event < count_; ++event) {
      waits_for[event] = before_[event].size();
      if (waits_for[event] == 0) ready.push_back(event);
      for (const std::size_t earlier : before_[event]) after[earlier].push_back(event);
    }
    std::size_t over = 0;
    for (; !ready.empty(); ++over) {
      const std::size_t event = ready.back();
      ready.pop_back();
      for (const std::size_t later : after[event])
        if (--waits_for[later] == 0) ready.push_back(later);
    }
    if (over == count_) return;
    const auto stuck = std::find_if(waits_for.begin(), waits_for.end(), [](std::size_t number) { return number > 0; });
    tell_circle(waits_for, static_cast<std::size_t>(stuck - waits_for.begin()));
  }

 private:
  void add_transfers(std::size_t rank) {
    for (std::size_t i = 0; i < schedule_.table[rank].size(); ++i) {
      const Action& action = schedule_.table[rank][i];
      if (!is_transfer(action.work) || !is_send(action.work)) continue;
      over_[schedule_.parcel_of(static_cast<int>(rank), action)] = count_++;
      sides_.push_back(first_[rank] + i);
    }
  }

  void add_rank(std::size_t rank, std::size_t outstanding) {
    std::vector<std::size_t> transfers;  // over
    std::size_t last = count_;
    for (std::size_t i = 0; i < schedule_.table[rank].size(); ++i) {
      const Action& action = schedule_.table[rank][i];
      const std::size_t event = first_[rank] + i;
      if (last < count_) before_[event].push_back(last);
      last = event;
      if (!is_transfer(action.work)) {
        add_input(event, rank, action);
        continue;
      }
      const std::size_t over = over_.at(schedule_.parcel_of(static_cast<int>(rank), action));
      before_[over].push_back(event);
      if (outstanding > 0 && transfers.size() >= outstanding)
        before_[event].push_back(transfers[transfers.size() - outstanding]);
      transfers.push_back(over);
      if (outstanding == 0) last = over;
    }
  }

  void add_input(std::size_t event, std::size_t rank, const Action& action) {
    if (action.work != Work::forward && !is_backward(action.work)) return;
    const int stage = schedule_.stage_of(static_cast<int>(rank), action.chunk);
    const auto transfer = over_.find(Parcel{action.work == Work::forward, stage, action.micro});
    if (transfer != over_.end()) before_[event].push_back(transfer->second);
  }

  std::string name_of(std::size_t event) const {
    for (std::size_t rank = schedule_.table.size(); rank-- > 0;)
      if (event >= first_[rank] && event < first_[rank] + schedule_.table[rank].size())
        return "rank " + std::to_string(rank) + ": " +
               describe(schedule_.table[rank][event - first_[rank]], schedule_.shape);
    return "the end of " + name_of(sides_[event - actions_]);
  }

  // Going back from an event that is never reached, over events that are not reached either, ends in a circle.
  [[noreturn]] void tell_circle(const std::vector<std::size_t>& waits_for, std::size_t event) const {
    std::vector<std::size_t> path;
    while (std::find(path.begin(), path.end(), event) == path.end()) {
      path.push_back(event);
      event = *std::find_if(before_[event].begin(), before_[event].end(),
                            [&](std::size_t earlier) { return waits_for[earlier] > 0; });
    }
    path.erase(path.begin(), std::find(path.begin(), path.end(), event));
    std::string text;
    for (std::size_t i = 0; i < std::min(path.size(), named); ++i)
      text += (i == 0 ? "" : ", which waits for ") + name_of(path[i]);
    fail("pipeline", schedule_.name + ": ranks wait for each other in a circle:",
         text + (path.size() > named ? ", which ..." : ""));
  }

  const Schedule& schedule_;
  std::vector<std::size_t> first_;  // event of a rank's first action
  std::size_t count_ = 0, actions_ = 0;
  std::vector<std::size_t> sides_;  // of each transfer: the event of its send
  std::map<Parcel, std::size_t> over_;
  std::vector<std::vector<std::size_t>> before_;
};

}  // namespace

void check_waiting(const Schedule& schedule, int outstanding) {
  Events(schedule, outstanding).check();
}

}  // namespace trireme::parallel
