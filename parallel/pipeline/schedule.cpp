#include "parallel/pipeline/schedule.h"

#include <algorithm>

namespace trireme::parallel {

int Schedule::stage_of(int rank, int chunk) const noexcept {
  const int place = placement == Placement::vee && chunk % 2 == 1 ? shape.ranks - 1 - rank : rank;
  return chunk * shape.ranks + place;
}

Schedule::Place Schedule::place_of(int stage) const noexcept {
  const int chunk = stage / shape.ranks, place = stage % shape.ranks;
  return {placement == Placement::vee && chunk % 2 == 1 ? shape.ranks - 1 - place : place, chunk};
}

Parcel Schedule::parcel_of(int rank, const Action& transfer) const noexcept {
  const bool activation = transfer.work == Work::send_activation || transfer.work == Work::recv_activation;
  const int stage = stage_of(rank, transfer.chunk), onwards = activation ? 1 : -1;
  return {activation, is_send(transfer.work) ? stage + onwards : stage, transfer.micro};
}

bool Schedule::splits_gradients() const {
  return std::any_of(table.begin(), table.end(), [](const auto& actions) {
    return std::any_of(actions.begin(), actions.end(), [](const Action& a) { return a.work == Work::input_gradient; });
  });
}

std::string_view symbol(Work work) {
  switch (work) {
    case Work::forward: return "F";
    case Work::backward: return "BW";
    case Work::input_gradient: return "B";
    case Work::weight_gradient: return "W";
    default: return "";
  }
}

std::string describe(const Action& action, const PipelineShape& shape) {
  std::string number = std::to_string(action.micro);
  if (shape.chunks > 1) number += '.' + std::to_string(action.chunk);
  const std::string peer = "rank " + std::to_string(action.peer);
  switch (action.work) {
    case Work::send_activation: return "send activation " + number + " to " + peer;
    case Work::recv_activation: return "recv activation " + number + " from " + peer;
    case Work::send_gradient: return "send gradient " + number + " to " + peer;
    case Work::recv_gradient: return "recv gradient " + number + " from " + peer;
    default: return std::string(symbol(action.work)) + ' ' + number;
  }
}

}  // namespace trireme::parallel
