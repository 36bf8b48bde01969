// What the operations of a host and those between hosts are written with: bytes of regions, published places, and the
// pipeline through the members' stages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "collectives/group/group.h"
#include "collectives/host/team.h"
#include "collectives/host/window.h"

namespace trireme::collectives {

inline constexpr std::int64_t cache_line = 64;

inline std::span<const std::byte> bytes_of(const Region& region) {
  return {static_cast<const std::byte*>(region.data), static_cast<std::size_t>(region.bytes())};
}

inline std::byte* element(const Region& region, std::int64_t index) {
  return static_cast<std::byte*>(region.data) + index * size_of(region.dtype);
}

inline void copy_bytes(std::byte* to, const std::byte* from, std::int64_t bytes) {
  if (bytes > 0 && to != from) std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

inline Place place_of(Team& team, const Region& region) {
  return team.size() == 1 ? Place{} : team.family().windows().find(region.data, region.bytes());
}

// Where the region that `member` published lies.
inline std::byte* published(const Team& team, const Window& window, int member) {
  const int part = window.part_of[static_cast<std::size_t>(team.rank_of(member))];
  return window.part(part) + team.place(member).offset;
}

inline std::int64_t pieces_of(std::int64_t count, std::int64_t piece) { return (count + piece - 1) / piece; }

// The pipeline through the stages: in round r a member fills piece r of its stage and uses piece r - 1, which all have
// filled. Two places in turn and one wait per round are enough: who enters round r has used piece r - 2.
template <class Fill, class Use>
void through_stages(Team& team, std::int64_t pieces, const Fill& fill, const Use& use) {
  for (std::int64_t round = 0; round <= pieces; ++round) {
    if (round > 0) team.await_all();
    if (round < pieces) fill(round, round % 2);
    if (round > 0) use(round - 1, (round - 1) % 2);
    if (round < pieces) team.arrive();
  }
}

}  // namespace trireme::collectives
