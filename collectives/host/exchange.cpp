#include "collectives/host/exchange.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "collectives/host/reduce.h"
#include "collectives/host/stages.h"

namespace trireme::collectives {
namespace {

// Pointers to the same range of every member's copy.
struct Copies {
  std::vector<std::byte*> write;
  std::vector<const std::byte*> read;

  template <class Where>
  Copies(int members, const Where& where) {
    for (int member = 0; member < members; ++member) write.push_back(where(member));
    read.assign(write.begin(), write.end());
  }
};

void reduce_small(Team& team, const Region& in_out, Reduction reduction) {
  std::vector<const std::byte*> sources(static_cast<std::size_t>(team.size()));
  for (int member = 0; member < team.size(); ++member) sources[static_cast<std::size_t>(member)] = team.payload(member);
  std::byte* const target = element(in_out, 0);
  reduce({.sources = sources,
          .targets = {&target, 1},
          .count = in_out.count,
          .dtype = in_out.dtype,
          .reduction = reduction});
}

// Every member sums its slice of all copies and writes the result to all of them.
void reduce_direct(Team& team, const Region& in_out, Reduction reduction) {
  const Slice slice = slice_of(in_out.count, team.size(), team.me(), in_out.dtype);
  const Copies copies(team.size(),
                      [&](int member) { return team.reach(member) + slice.begin * size_of(in_out.dtype); });
  reduce({.sources = copies.read,
          .targets = copies.write,
          .count = slice.count,
          .dtype = in_out.dtype,
          .reduction = reduction});
  team.step();
}

// In round r a member puts what others sum of piece r into its stage, sums its own slice of piece r - 1 and puts the
// result there too, and takes the results of the others for piece r - 2 from theirs.
void reduce_stages(Team& team, const Region& in_out, Reduction reduction) {
  const std::int64_t size = size_of(in_out.dtype);
  const std::int64_t piece = Team::stage_bytes / size;
  const std::int64_t pieces = pieces_of(in_out.count, piece);
  const auto slice_at = [&](std::int64_t index, int member) {
    return slice_of(std::min(piece, in_out.count - index * piece), team.size(), member, in_out.dtype);
  };
  const auto staged = [&](std::int64_t index, int owner, const Slice& slice) {
    return team.stage(owner, index % 3) + slice.begin * size;
  };
  const auto own = [&](std::int64_t index, const Slice& slice) { return element(in_out, index * piece + slice.begin); };
  for (std::int64_t round = 0; round < pieces + 2; ++round) {
    if (round > 0) team.await_all();
    if (round < pieces) {
      for (int member = 0; member < team.size(); ++member) {
        const Slice slice = slice_at(round, member);
        if (member != team.me()) copy_to_stage(staged(round, team.me(), slice), own(round, slice), slice.count * size);
      }
    }
    if (const std::int64_t index = round - 1; index >= 0 && index < pieces) {
      const Slice slice = slice_at(index, team.me());
      std::byte* const result = own(index, slice);
      const Copies copies(team.size(),
                          [&](int member) { return member == team.me() ? result : staged(index, member, slice); });
      reduce({.sources = copies.read,
              .targets = {&result, 1},
              .count = slice.count,
              .dtype = in_out.dtype,
              .reduction = reduction});
      copy_to_stage(staged(index, team.me(), slice), result, slice.count * size);
    }
    if (const std::int64_t index = round - 2; index >= 0) {
      for (int step = 1; step < team.size(); ++step) {
        const int member = (team.me() + step) % team.size();
        const Slice slice = slice_at(index, member);
        copy_bytes(own(index, slice), staged(index, member, slice), slice.count * size);
      }
    }
    if (round < pieces + 1) team.arrive();
  }
}

}  // namespace

Slice slice_of(std::int64_t count, int parts, int index, DType dtype) {
  const std::int64_t granule = cache_line / size_of(dtype);
  const std::int64_t each = pieces_of(pieces_of(count, parts), granule) * granule;
  const std::int64_t begin = std::min(count, index * each);
  return {.begin = begin, .count = std::min(each, count - begin)};
}

void all_reduce(Team& team, const Region& in_out, Reduction reduction) {
  const Call call{.operation = Operation::all_reduce,
                  .reduction = reduction,
                  .dtype = in_out.dtype,
                  .count = in_out.count,
                  .label = in_out.label};
  const Way way = begin(team, call, in_out);
  if (team.size() == 1) return;
  if (way == Way::payload)
    reduce_small(team, in_out, reduction);
  else if (way == Way::direct)
    reduce_direct(team, in_out, reduction);
  else
    reduce_stages(team, in_out, reduction);
}

void all_gather(Team& team, const Region& mine, const Region& all) {
  const Call call{.operation = Operation::all_gather, .dtype = mine.dtype, .count = mine.count, .label = mine.label};
  const std::int64_t bytes = mine.bytes();
  const auto slot = [&](int member) { return element(all, member * mine.count); };
  const Way way = begin(team, call, mine);
  copy_bytes(slot(team.me()), element(mine, 0), bytes);
  if (team.size() == 1) return;
  if (way != Way::stages) {
    for (int step = 1; step < team.size(); ++step) {
      const int member = (team.me() + step) % team.size();
      copy_bytes(slot(member), way == Way::payload ? team.payload(member) : team.reach(member), bytes);
    }
    if (way == Way::direct) team.step();
    return;
  }
  const auto length = [&](std::int64_t index) {
    return std::min(Team::stage_bytes, bytes - index * Team::stage_bytes);
  };
  through_stages(
      team, pieces_of(bytes, Team::stage_bytes),
      [&](std::int64_t index, std::int64_t place) {
        copy_to_stage(team.stage(team.me(), place), element(mine, 0) + index * Team::stage_bytes, length(index));
      },
      [&](std::int64_t index, std::int64_t place) {
        for (int step = 1; step < team.size(); ++step) {
          const int member = (team.me() + step) % team.size();
          copy_bytes(slot(member) + index * Team::stage_bytes, team.stage(member, place), length(index));
        }
      });
}

void reduce_scatter(Team& team, const Region& all, const Region& mine, Reduction reduction) {
  const Call call{.operation = Operation::reduce_scatter,
                  .reduction = reduction,
                  .dtype = mine.dtype,
                  .count = mine.count,
                  .label = all.label};
  const std::int64_t size = size_of(mine.dtype);
  const auto sum_into = [&](std::byte* target, std::int64_t count, const auto& source) {
    std::vector<const std::byte*> sources;
    for (int member = 0; member < team.size(); ++member) sources.push_back(source(member));
    reduce({.sources = sources, .targets = {&target, 1}, .count = count, .dtype = mine.dtype, .reduction = reduction});
  };
  const std::int64_t own = team.me() * mine.bytes();
  const Way way = begin(team, call, all);
  if (team.size() == 1) return copy_bytes(element(mine, 0), element(all, 0), mine.bytes());
  if (way == Way::payload)
    return sum_into(element(mine, 0), mine.count, [&](int member) { return team.payload(member) + own; });
  if (way == Way::direct) {
    sum_into(element(mine, 0), mine.count, [&](int member) { return team.reach(member) + own; });
    return team.step();
  }
  const std::int64_t block = Team::stage_bytes / team.size() / cache_line * cache_line;  // bytes for each member
  const auto length = [&](std::int64_t index) { return std::min(block, mine.bytes() - index * block); };
  through_stages(
      team, pieces_of(mine.bytes(), block),
      [&](std::int64_t index, std::int64_t place) {
        for (int member = 0; member < team.size(); ++member)
          copy_to_stage(team.stage(team.me(), place) + member * block,
                        element(all, member * mine.count) + index * block, length(index));
      },
      [&](std::int64_t index, std::int64_t place) {
        sum_into(element(mine, 0) + index * block, length(index) / size,
                 [&](int member) { return team.stage(member, place) + team.me() * block; });
      });
}

void broadcast(Team& team, const Region& in_out, int root) {
  const Call call{.operation = Operation::broadcast,
                  .dtype = in_out.dtype,
                  .root = root,
                  .count = in_out.count,
                  .label = in_out.label};
  const std::int64_t bytes = in_out.bytes();
  const bool is_root = team.me() == root;
  const Way way = begin(team, call, in_out);
  if (team.size() == 1) return;
  if (way != Way::stages) {
    if (!is_root) copy_bytes(element(in_out, 0), way == Way::payload ? team.payload(root) : team.reach(root), bytes);
    if (way == Way::direct) team.step();
    return;
  }
  const auto length = [&](std::int64_t index) {
    return std::min(Team::stage_bytes, bytes - index * Team::stage_bytes);
  };
  through_stages(
      team, pieces_of(bytes, Team::stage_bytes),
      [&](std::int64_t index, std::int64_t place) {
        if (is_root)
          copy_to_stage(team.stage(root, place), element(in_out, 0) + index * Team::stage_bytes, length(index));
      },
      [&](std::int64_t index, std::int64_t place) {
        if (!is_root)
          copy_bytes(element(in_out, 0) + index * Team::stage_bytes, team.stage(root, place), length(index));
      });
}

void all_to_all(Team& team, const Region& in, const Region& out) {
  const Call call{.operation = Operation::all_to_all, .dtype = in.dtype, .count = in.count, .label = in.label};
  const std::int64_t bytes = in.bytes() / team.size();  // for each member
  const auto take = [&](const auto& source) {
    for (int step = 0; step < team.size(); ++step) {
      const int member = (team.me() + step) % team.size();
      copy_bytes(element(out, 0) + member * bytes, source(member) + team.me() * bytes, bytes);
    }
  };
  const Way way = begin(team, call, in);
  if (team.size() == 1) return copy_bytes(element(out, 0), element(in, 0), bytes);
  if (way == Way::payload) return take([&](int member) { return team.payload(member); });
  if (way == Way::direct) {
    take([&](int member) { return team.reach(member); });
    return team.step();
  }
  const std::int64_t block = Team::stage_bytes / team.size() / cache_line * cache_line;  // bytes for each member
  const auto length = [&](std::int64_t index) { return std::min(block, bytes - index * block); };
  through_stages(
      team, pieces_of(bytes, block),
      [&](std::int64_t index, std::int64_t place) {
        for (int member = 0; member < team.size(); ++member)
          copy_to_stage(team.stage(team.me(), place) + member * block, element(in, 0) + member * bytes + index * block,
                        length(index));
      },
      [&](std::int64_t index, std::int64_t place) {
        for (int step = 0; step < team.size(); ++step) {
          const int member = (team.me() + step) % team.size();
          copy_bytes(element(out, 0) + member * bytes + index * block, team.stage(member, place) + team.me() * block,
                     length(index));
        }
      });
}

}  // namespace trireme::collectives
