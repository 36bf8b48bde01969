// Pipeline schedules as data: what each rank does, action by action. One engine runs every table, a checker proves it
// before anything starts, and the same table is simulated and drawn.
//
// Dictionary: a stage is a piece of the model, numbered from the input; a chunk is a stage as its rank numbers it; a
// micro-batch passes all stages forwards, then backwards.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::parallel {

enum class Work : std::uint8_t {
  forward,          // F
  backward,         // BW: the gradients of input and weights together
  input_gradient,   // B
  weight_gradient,  // W
  send_activation,  // of a stage's output, to the rank of the next stage
  recv_activation,
  send_gradient,  // of a stage's input, to the rank of the stage before
  recv_gradient,
};
constexpr bool is_transfer(Work work) {
  return work >= Work::send_activation;
}
constexpr bool is_send(Work work) {
  return work == Work::send_activation || work == Work::send_gradient;
}
constexpr bool is_backward(Work work) {
  return work == Work::backward || work == Work::input_gradient;
}

struct Action {
  Work work = Work::forward;
  std::int32_t micro = 0;
  std::int32_t chunk = 0;  // of the rank whose table this stands in
  std::int32_t peer = -1;  // of a transfer: the other rank

  friend bool operator==(const Action&, const Action&) = default;
};

// Which stage a rank's chunk is.
enum class Placement : std::uint8_t {
  rounds,  // stage = chunk * ranks + rank: round after round
  vee,     // forwards through the ranks and back: the first rank holds the first and the last stage (two chunks)
};

struct PipelineShape {
  int ranks = 1;
  int micros = 1;
  int chunks = 1;
};

// What a transfer carries: a stage's input, or the gradient of its output. The same for the send and the receive.
struct Parcel {
  bool activation = true;
  int stage = 0;  // that needs it
  int micro = 0;

  friend auto operator<=>(const Parcel&, const Parcel&) = default;
};

struct Schedule {
  std::string name;  // "1f1b"
  PipelineShape shape;
  Placement placement = Placement::rounds;
  std::vector<std::vector<Action>> table;  // by rank, in the order of execution
  // By rank: the largest number of chunks whose activations it holds at a time, from forward to (weight) gradient.
  std::vector<int> promised;

  int stages() const noexcept { return shape.ranks * shape.chunks; }
  int stage_of(int rank, int chunk) const noexcept;
  struct Place {
    int rank = 0;
    int chunk = 0;
  };
  Place place_of(int stage) const noexcept;
  Parcel parcel_of(int rank, const Action& transfer) const noexcept;
  // Whether input and weight gradients are computed apart.
  bool splits_gradients() const;
};

// "F 3", "B 3.1" with the chunk where there are several, "recv activation 3.1 from rank 2".
std::string describe(const Action& action, const PipelineShape& shape);
std::string_view symbol(Work work);  // "F", "BW", "B", "W"; empty for transfers

}  // namespace trireme::parallel
