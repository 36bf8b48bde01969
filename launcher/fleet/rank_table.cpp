#include "launcher/fleet/rank_table.h"

#include <algorithm>
#include <vector>

namespace trireme::launcher {
namespace {

struct Line {
  std::string ranks, host, device;
};

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(width - text.size(), ' ');
}

}  // namespace

std::string rank_table(std::span<const RankRow> rows) {
  std::vector<Line> lines{{"rank", "host", "device"}};
  for (std::size_t first = 0, last; first < rows.size(); first = last + 1) {
    for (last = first; last + 1 < rows.size(); ++last) {
      const RankRow &one = rows[last], &next = rows[last + 1];
      if (next.host != one.host || next.device != one.device || next.rank != one.rank + 1) break;
    }
    std::string ranks = std::to_string(rows[first].rank);
    if (last > first) ranks += '-' + std::to_string(rows[last].rank);
    lines.push_back({std::move(ranks), rows[first].host, rows[first].device});
  }
  std::size_t rank_width = 0, host_width = 0;
  for (const Line& line : lines) {
    rank_width = std::max(rank_width, line.ranks.size());
    host_width = std::max(host_width, line.host.size());
  }
  std::string text;
  for (const Line& line : lines)
    text += padded(line.ranks, rank_width) + "  " + padded(line.host, host_width) + "  " + line.device + '\n';
  return text;
}

}  // namespace trireme::launcher
