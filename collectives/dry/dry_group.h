// A group that moves nothing and records what it was asked for: how `plan` and `--dry-run` count messages and bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "collectives/group/group.h"

namespace trireme {

struct DryOperation {
  std::string operation;   // "all_reduce", "split", ...
  std::int64_t bytes = 0;  // of the larger region
  DType dtype = DType::f32;
  std::string label;
  std::string group;
  int ranks = 1;  // of that group

  friend bool operator==(const DryOperation&, const DryOperation&) = default;
};
// In the order of the calls; written by a group and those split from it.
using DryRecord = std::vector<DryOperation>;

// Bytes that one rank must send at least, on average over the ranks: what bus bandwidth is reckoned by.
std::int64_t bytes_sent(const DryOperation& operation);

// How a split will turn out. The colors of the other ranks, on which that depends, cannot be asked for by one rank
// alone.
struct DrySplit {
  std::string name;  // of the new group
  int rank = 0;
  int size = 1;
};

// Rank `rank` of `size`. Splits not foretold in `splits` keep all ranks. `record` may be null, and outlives the groups.
std::unique_ptr<Group> make_dry_group(int rank, int size, DryRecord* record, std::vector<DrySplit> splits = {});

}  // namespace trireme
