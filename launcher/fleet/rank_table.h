// The table at the start of a run: which rank computes where.
#pragma once

#include <span>
#include <string>

namespace trireme::launcher {

struct RankRow {
  int rank = 0;
  std::string host;
  std::string device;  // "cpu, 2 threads"
};

// One line per run of neighbouring ranks with the same host and device; lines end in newlines.
std::string rank_table(std::span<const RankRow> rows);

}  // namespace trireme::launcher
