// One call of a group's operation, as ranks compare it with each other and as messages describe it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collectives/group/group.h"
#include "runtime/base/dtype.h"

namespace trireme::collectives {

enum class Operation : std::uint8_t {
  none,
  all_reduce,
  all_gather,
  reduce_scatter,
  broadcast,
  all_to_all,
  send,
  recv,
  barrier,
  split,
  allocate
};
std::string_view name_of(Operation operation);

struct Call {
  Operation operation = Operation::none;
  Reduction reduction = Reduction::sum;
  DType dtype = DType::u8;
  int root = 0;            // of a broadcast; the other rank of send and recv; less than 2^16
  std::int64_t count = 0;  // elements of the smaller region; less than 2^37
  std::string_view label = {};

  // Equal on every rank of a correct program. Exact, not a hash: unpack() gives the call back, without its label.
  std::uint64_t signature() const;
  static Call unpack(std::uint64_t signature);
  // "all_reduce sum of 1024 f32 'gradient bucket 3'"
  std::string describe() const;
};

}  // namespace trireme::collectives
