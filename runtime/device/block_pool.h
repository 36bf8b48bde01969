// Blocks out of large segments: the caching allocator of devices whose own allocation is slow and stops the device.
//
// Best fit with splitting and merging of neighbours (Knuth, TAOCP 1, 2.5); small blocks have segments of their own, so
// that one which stays does not split the room of large ones. Which block a request gets depends on the
// sequence of requests alone, and memory that is released is ready for the next request at once: so a pool belongs to
// one ordered queue of work, and a training step, which repeats its requests, finds the same blocks every time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace trireme {

// Where a pool has its segments from.
class SegmentSource {
 public:
  virtual ~SegmentSource() = default;
  // Aligned to 512 bytes; null where there is no such memory left.
  virtual std::byte* take(std::int64_t bytes) = 0;
  // Called for whole segments, and only when no enqueued work uses them any more or the source itself waits for that.
  virtual void give_back(std::byte* segment, std::int64_t bytes) noexcept = 0;
};

class BlockPool {
 public:
  static constexpr std::int64_t granule = 512;
  static constexpr std::int64_t segment_granule = 2 << 20;
  static constexpr std::int64_t largest_small = 1 << 20;

  explicit BlockPool(SegmentSource& source) : source_(source) {}
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  // Gives every segment back, whether or not blocks of it are in use.
  ~BlockPool();

  // A block of at least `bytes`; null when the source has no more, even after all unused segments went back to it.
  std::byte* take(std::int64_t bytes);
  void give_back(std::byte* block) noexcept;
  // Gives back to the source what is wholly unused; returns its bytes.
  std::int64_t trim();

  // The block in use that holds `address`; null where none does.
  std::byte* block_of(const void* address) const;
  std::int64_t held() const;      // bytes of all segments
  std::int64_t used() const;      // of blocks in use, as rounded
  std::int64_t reserved() const;  // of blocks that are not in use but belong to a reserve

  // Work that is recorded now and done later, perhaps often, needs what it used to be there each time. Between these
  // two calls every block taken is noted; at the second one they become a reserve: no later request gets them, also not
  // once they are given back. One at a time.
  void begin_reserve();
  std::int64_t end_reserve();  // the reserve's number
  // Its blocks are as any other again.
  void release_reserve(std::int64_t number) noexcept;

 private:
  enum class State : std::uint8_t { unused, used, reserved };
  struct Block {
    std::int64_t bytes = 0;
    State state = State::unused;
    bool first = false;        // of its segment
    bool small = false;        // of a segment for small blocks
    std::int64_t reserve = 0;  // 0: of none
  };
  using Blocks = std::map<std::byte*, Block>;

  using Unused = std::set<std::pair<std::int64_t, std::byte*>>;  // by size, then address

  bool grow(std::int64_t bytes, bool small);
  Unused& unused_like(const Block& block) { return block.small ? unused_small_ : unused_large_; }
  void make_unused(Blocks::iterator block);
  std::int64_t trim_locked();
  void insert_unused(Blocks::iterator block) { unused_like(block->second).emplace(block->second.bytes, block->first); }
  void erase_unused(Blocks::iterator block) { unused_like(block->second).erase({block->second.bytes, block->first}); }

  SegmentSource& source_;
  mutable std::mutex mutex_;
  Blocks blocks_;  // by address
  Unused unused_small_;
  Unused unused_large_;
  std::int64_t held_ = 0;
  std::int64_t used_ = 0;
  std::int64_t reserved_ = 0;
  std::int64_t reserves_ = 0;   // numbers given so far
  std::int64_t recording_ = 0;  // the number of the reserve under way; 0: none
};

}  // namespace trireme
