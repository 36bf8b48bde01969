// What the operations of a host and those between hosts are written with: bytes of regions, published places, and the
// pipeline through the members' stages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "collectives/group/group.h"
#include "collectives/host/team.h"

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

// The same into memory that other ranks read and this one fills again later, past the caches. A line that two cores
// have read costs its writer ten times more than these stores where cores do not share their last cache (measured on
// two core complexes of an EPYC: 28 ns against 2.2 ns per line), and about as much as they do where cores share it.
void copy_to_stage(std::byte* to, const std::byte* from, std::int64_t bytes);

// Starts a call on all members: with the region's bytes when they are few, otherwise with its place, if it has one.
enum class Way {
  payload,  // every member's bytes are in payload()
  direct,   // every member's region can be reached
  stages    // neither
};
inline Way begin(Team& team, const Call& call, const Region& region) {
  constexpr std::int64_t few = 1 << 10;  // from here on two waits cost less than bytes that cross twice
  const std::int64_t bytes = region.bytes();
  if (bytes <= few) {
    team.begin(call, bytes_of(region));
    return Way::payload;
  }
  const Place place = team.family().place_of(region.data, bytes);
  const bool carried = place.window == 0 && bytes <= Team::small_bytes;
  team.begin(call, carried ? bytes_of(region) : std::span<const std::byte>{}, place);
  if (team.direct()) return Way::direct;
  return bytes <= Team::small_bytes && team.placeless() ? Way::payload : Way::stages;
}

inline std::int64_t pieces_of(std::int64_t count, std::int64_t piece) {
  return (count + piece - 1) / piece;
}

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
