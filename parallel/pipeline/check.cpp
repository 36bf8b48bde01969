#include "parallel/pipeline/check.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "parallel/pipeline/waiting.h"
#include "runtime/base/error.h"

namespace trireme::parallel {
namespace {

constexpr std::string_view where = "pipeline";

// One rank's part of the proof.
class RankCheck {
 public:
  RankCheck(const Schedule& schedule, int rank)
      : schedule_(schedule),
        rank_(rank),
        split_(schedule.splits_gradients()),
        actions_(schedule.table[static_cast<std::size_t>(rank)]) {}

  void run(TableNeeds& needs) {
    for (const Action& action : actions_) {
      check_numbers(action);
      if (!seen_.insert({action.work, action.chunk, action.micro}).second) refuse(action, "stands twice");
      if (is_transfer(action.work)) {
        transfer(action);
      } else {
        compute(action);
      }
      largest_in_flight_ = std::max(largest_in_flight_, in_flight_);
      largest_inputs_ = std::max(largest_inputs_, static_cast<int>(inputs_.size()));
    }
    for (int chunk = 0; chunk < schedule_.shape.chunks; ++chunk)
      for (int micro = 0; micro < schedule_.shape.micros; ++micro) expect_all_of(chunk, micro);
    needs.in_flight.push_back(largest_in_flight_);
    needs.inputs.push_back(largest_inputs_);
  }

 private:
  using Done = std::tuple<Work, int, int>;  // work, chunk, micro

  [[noreturn]] void refuse(const Action& action, const std::string& why) const {
    fail(where, schedule_.name + ": rank " + std::to_string(rank_) + ":", describe(action, schedule_.shape), why);
  }
  bool done(Work work, const Action& of) const { return seen_.contains({work, of.chunk, of.micro}); }

  void check_numbers(const Action& action) const {
    if (action.micro < 0 || action.micro >= schedule_.shape.micros || action.chunk < 0 ||
        action.chunk >= schedule_.shape.chunks)
      refuse(action, "is not one of " + std::to_string(schedule_.shape.micros) + " micro-batches in " +
                         std::to_string(schedule_.shape.chunks) + (schedule_.shape.chunks == 1 ? " chunk" : " chunks"));
  }

  // The rank with which this rank exchanges what a transfer carries; -1: the model ends here, or goes on in this rank.
  int partner(const Action& action) const {
    const bool activation = action.work == Work::send_activation || action.work == Work::recv_activation;
    const int stage = schedule_.stage_of(rank_, action.chunk);
    const int other = activation == is_send(action.work) ? stage + 1 : stage - 1;
    if (other < 0 || other >= schedule_.stages()) return -1;
    const int rank = schedule_.place_of(other).rank;
    return rank == rank_ ? -1 : rank;
  }

  void transfer(const Action& action) {
    if (action.peer != partner(action)) refuse(action, "goes to a rank that does not hold the neighbouring stage");
    if (action.work == Work::send_activation && !done(Work::forward, action))
      refuse(action, "stands before its forward");
    if (action.work == Work::send_gradient && !done(Work::backward, action) && !done(Work::input_gradient, action))
      refuse(action, "stands before its backward");
    if (!is_send(action.work)) inputs_.insert({action.work, action.chunk, action.micro});
  }

  void compute(const Action& action) {
    if (action.work != Work::forward && (action.work == Work::backward) == split_)
      refuse(action, "mixes whole backward passes with divided ones");
    in_order(action);
    if (action.work == Work::forward) {
      take_input(action, Work::recv_activation);
      ++in_flight_;
      check_memory(action);
    } else if (is_backward(action.work)) {
      if (!done(Work::forward, action)) refuse(action, "stands before its forward");
      take_input(action, Work::recv_gradient);
    } else if (!done(Work::input_gradient, action)) {
      refuse(action, "stands before its input gradient");
    }
    if (action.work == Work::backward || action.work == Work::weight_gradient) --in_flight_;
  }

  void in_order(const Action& action) {
    int& next = next_[{action.work, action.chunk}];
    if (action.micro != next) refuse(action, "stands where micro-batch " + std::to_string(next) + " is expected");
    ++next;
  }

  // What comes from another rank has to have been received; what this rank made itself has to have been made.
  void take_input(const Action& action, Work receive) {
    const Action receiving{.work = receive, .micro = action.micro, .chunk = action.chunk};
    if (partner(receiving) >= 0) {
      if (inputs_.erase({receive, action.chunk, action.micro}) == 0)
        refuse(action, "has no input: nothing receives it");
      return;
    }
    const int stage = schedule_.stage_of(rank_, action.chunk), before = receive == Work::recv_activation ? -1 : 1;
    if (stage + before < 0 || stage + before >= schedule_.stages()) return;
    const Action maker{.work = action.work, .micro = action.micro, .chunk = schedule_.place_of(stage + before).chunk};
    if (!done(maker.work, maker))
      refuse(action, "stands before " + describe(maker, schedule_.shape) + ", which makes its input");
  }

  void check_memory(const Action& action) const {
    const int promised = schedule_.promised[static_cast<std::size_t>(rank_)];
    if (in_flight_ > promised)
      refuse(action, "is the number " + std::to_string(in_flight_) + " in flight; the schedule promises at most " +
                         std::to_string(promised));
  }

  void expect(Work work, int chunk, int micro) const {
    Action action{.work = work, .micro = micro, .chunk = chunk};
    if (seen_.contains({work, chunk, micro})) return;
    if (is_transfer(work)) action.peer = partner(action);
    refuse(action, "is missing");
  }

  void expect_all_of(int chunk, int micro) const {
    expect(Work::forward, chunk, micro);
    expect(split_ ? Work::input_gradient : Work::backward, chunk, micro);
    if (split_) expect(Work::weight_gradient, chunk, micro);
    for (const Work work : {Work::send_activation, Work::recv_activation, Work::send_gradient, Work::recv_gradient})
      if (partner({.work = work, .micro = micro, .chunk = chunk}) >= 0) expect(work, chunk, micro);
  }

  const Schedule& schedule_;
  const int rank_;
  const bool split_;
  const std::vector<Action>& actions_;
  std::set<Done> seen_, inputs_;
  std::map<std::pair<Work, int>, int> next_;
  int in_flight_ = 0, largest_in_flight_ = 0, largest_inputs_ = 0;
};

// The transfers of one rank with another, in order.
std::vector<const Action*> between(const Schedule& schedule, int rank, int peer, bool sends) {
  std::vector<const Action*> found;
  for (const Action& action : schedule.table[static_cast<std::size_t>(rank)])
    if (is_transfer(action.work) && is_send(action.work) == sends && action.peer == peer) found.push_back(&action);
  return found;
}

void check_channel(const Schedule& schedule, int from, int to) {
  const std::vector<const Action*> sent = between(schedule, from, to, true);
  const std::vector<const Action*> received = between(schedule, to, from, false);
  const auto say = [&](int rank, const Action* action) {
    return "rank " + std::to_string(rank) + ": " + (action ? describe(*action, schedule.shape) : "nothing more");
  };
  for (std::size_t i = 0; i < std::max(sent.size(), received.size()); ++i) {
    const Action* send = i < sent.size() ? sent[i] : nullptr;
    const Action* receive = i < received.size() ? received[i] : nullptr;
    if (send && receive && schedule.parcel_of(from, *send) == schedule.parcel_of(to, *receive)) continue;
    fail(where, schedule.name + ": number", i + 1, "between two ranks does not match:", say(from, send), "but",
         say(to, receive));
  }
}

}  // namespace

TableNeeds check_table(const Schedule& schedule, const CheckOptions& options) {
  const auto ranks = static_cast<std::size_t>(schedule.shape.ranks);
  require(schedule.table.size() == ranks && schedule.promised.size() == ranks, where, schedule.name + ": expected",
          ranks, "ranks in the table, found", schedule.table.size());
  TableNeeds needs;
  for (int rank = 0; rank < schedule.shape.ranks; ++rank) RankCheck(schedule, rank).run(needs);
  for (int from = 0; from < schedule.shape.ranks; ++from)
    for (int to = 0; to < schedule.shape.ranks; ++to)
      if (from != to) check_channel(schedule, from, to);
  check_waiting(schedule, options.outstanding);
  return needs;
}

}  // namespace trireme::parallel
