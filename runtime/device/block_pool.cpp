#include "runtime/device/block_pool.h"

#include <algorithm>
#include <iterator>

#include "runtime/base/error.h"

namespace trireme {
namespace {

constexpr std::int64_t round_up(std::int64_t bytes, std::int64_t granule) {
  return (bytes + granule - 1) / granule * granule;
}

}  // namespace

BlockPool::~BlockPool() {
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    std::byte* segment = block->first;
    std::int64_t bytes = 0;
    do {
      bytes += block->second.bytes;
      ++block;
    } while (block != blocks_.end() && !block->second.first);
    source_.give_back(segment, bytes);
  }
}

std::byte* BlockPool::take(std::int64_t bytes) {
  const std::int64_t wanted = round_up(std::max<std::int64_t>(bytes, 1), granule);
  const bool small = wanted <= largest_small;
  const std::lock_guard lock(mutex_);
  Unused& unused = small ? unused_small_ : unused_large_;
  auto best = unused.lower_bound({wanted, nullptr});
  if (best == unused.end()) {
    if (!grow(wanted, small)) return nullptr;
    best = unused.lower_bound({wanted, nullptr});
  }
  const auto block = blocks_.find(best->second);
  unused.erase(best);
  if (const std::int64_t rest = block->second.bytes - wanted; rest > 0) {
    // What a reserve has touched stays its own, also when it is unused.
    const auto remainder =
        blocks_.emplace(block->first + wanted, Block{.bytes = rest, .small = small, .reserve = block->second.reserve});
    insert_unused(remainder.first);
    block->second.bytes = wanted;
  }
  block->second.state = State::used;
  if (recording_ != 0) block->second.reserve = recording_;
  used_ += wanted;
  return block->first;
}

void BlockPool::give_back(std::byte* address) noexcept {
  const std::lock_guard lock(mutex_);
  const auto block = blocks_.find(address);
  if (block == blocks_.end() || block->second.state != State::used) return;
  used_ -= block->second.bytes;
  if (block->second.reserve != 0 && block->second.reserve != recording_) {
    block->second.state = State::reserved;
    reserved_ += block->second.bytes;
  } else {
    make_unused(block);
  }
}

// Merges it with unused neighbours in its segment.
void BlockPool::make_unused(Blocks::iterator block) {
  block->second.state = State::unused;
  const auto absorb = [this](Blocks::iterator into, Blocks::iterator next) {
    into->second.bytes += next->second.bytes;
    into->second.reserve = std::max(into->second.reserve, next->second.reserve);
    blocks_.erase(next);
  };
  if (const auto next = std::next(block);
      next != blocks_.end() && !next->second.first && next->second.state == State::unused) {
    erase_unused(next);
    absorb(block, next);
  }
  if (!block->second.first && std::prev(block)->second.state == State::unused) {
    const auto before = std::prev(block);
    erase_unused(before);
    absorb(before, block);
    block = before;
  }
  insert_unused(block);
}

// Segments grow with what is held, so that there are few of them and neighbours can merge; where memory is short, one
// just large enough is tried, and then again once everything unused went back.
bool BlockPool::grow(std::int64_t bytes, bool small) {
  constexpr std::int64_t least = 32 << 20, most = std::int64_t{1} << 30;
  const std::int64_t enough = round_up(bytes, segment_granule);
  const std::int64_t growth = small ? enough : std::clamp(held_ / 4, least, most);
  const std::int64_t generous = std::max(enough, round_up(growth, segment_granule));
  std::int64_t size = generous;
  std::byte* segment = source_.take(size);
  if (!segment && enough < generous) segment = source_.take(size = enough);
  // While work is recorded nothing may go back: that would wait for the device.
  if (!segment && recording_ == 0 && trim_locked() > 0) segment = source_.take(size = enough);
  if (!segment) return false;
  held_ += size;
  insert_unused(blocks_.emplace(segment, Block{.bytes = size, .first = true, .small = small}).first);
  return true;
}

std::int64_t BlockPool::trim() {
  const std::lock_guard lock(mutex_);
  return trim_locked();
}

std::int64_t BlockPool::trim_locked() {
  std::int64_t freed = 0;
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    const auto next = std::next(block);
    const bool whole = block->second.first && (next == blocks_.end() || next->second.first);
    if (whole && block->second.state == State::unused && block->second.reserve == 0) {
      erase_unused(block);
      freed += block->second.bytes;
      source_.give_back(block->first, block->second.bytes);
      blocks_.erase(block);
    }
    block = next;
  }
  held_ -= freed;
  return freed;
}

std::byte* BlockPool::block_of(const void* address) const {
  auto* const place = const_cast<std::byte*>(static_cast<const std::byte*>(address));
  const std::lock_guard lock(mutex_);
  auto block = blocks_.upper_bound(place);
  if (block == blocks_.begin()) return nullptr;
  --block;
  const bool inside = block->second.state == State::used && place < block->first + block->second.bytes;
  return inside ? block->first : nullptr;
}

std::int64_t BlockPool::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

std::int64_t BlockPool::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

std::int64_t BlockPool::reserved() const {
  const std::lock_guard lock(mutex_);
  return reserved_;
}

void BlockPool::begin_reserve() {
  const std::lock_guard lock(mutex_);
  require(recording_ == 0, "memory", "expected one recording at a time, found a second");
  recording_ = ++reserves_;
}

std::int64_t BlockPool::end_reserve() {
  const std::lock_guard lock(mutex_);
  require(recording_ != 0, "memory", "expected a recording under way, found none");
  for (auto& [address, block] : blocks_) {
    if (block.reserve != recording_ || block.state != State::unused) continue;
    unused_like(block).erase({block.bytes, address});
    block.state = State::reserved;
    reserved_ += block.bytes;
  }
  return std::exchange(recording_, 0);
}

void BlockPool::release_reserve(std::int64_t number) noexcept {
  const std::lock_guard lock(mutex_);
  for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
    if (block->second.reserve != number) continue;
    block->second.reserve = 0;
    if (block->second.state != State::reserved) continue;
    reserved_ -= block->second.bytes;
    // Merging with the block before it leaves the iterator on what is gone: go on from the merged one.
    std::byte* const address = block->first;
    make_unused(block);
    block = std::prev(blocks_.upper_bound(address));
  }
}

}  // namespace trireme
