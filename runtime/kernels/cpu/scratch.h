// Working memory of kernels: blocks are lent and reused, one per concurrent borrower.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/base/error.h"

namespace trireme::cpu {

class Scratch {
 public:
  struct Block {
    struct Free {
      void operator()(float* data) const { std::free(data); }
    };
    std::unique_ptr<float, Free> data;
    std::int64_t size = 0;
  };

  // A block on loan; goes back by itself.
  class Lease {
   public:
    Lease(Scratch& owner, Block block) : owner_(owner), block_(std::move(block)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { owner_.give_back(std::move(block_)); }
    float* data() const { return block_.data.get(); }

   private:
    Scratch& owner_;
    Block block_;
  };

  // At least `floats` uninitialised floats, aligned to 64 bytes: the smallest free block that has room, or a new one in
  // place of the largest that has not.
  Lease take(std::int64_t floats) {
    if (floats == 0) return {*this, Block{}};
    Block block;
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        auto found = std::lower_bound(free_.begin(), free_.end(), floats,
                                      [](const Block& x, std::int64_t size) { return x.size < size; });
        if (found == free_.end()) --found;
        block = std::move(*found);
        free_.erase(found);
      }
    }
    if (block.size < floats) block = allocated(floats);
    return {*this, std::move(block)};
  }

 private:
  static Block allocated(std::int64_t floats) {
    constexpr std::int64_t line = 64 / sizeof(float), huge_page = (1 << 21) / sizeof(float);
    const std::int64_t unit = floats < huge_page / 4 ? line : huge_page;
    Block block;
    block.size = (floats + unit - 1) / unit * unit;
    const auto bytes = static_cast<std::size_t>(block.size) * sizeof(float);
    block.data.reset(static_cast<float*>(std::aligned_alloc(static_cast<std::size_t>(unit) * sizeof(float), bytes)));
    if (!block.data) fail("cpu kernels", "could not allocate", bytes, "bytes of working memory");
    if (unit == huge_page) ::madvise(block.data.get(), bytes, MADV_HUGEPAGE);  // a wish: fewer page walks
    return block;
  }
  void give_back(Block block) {
    if (block.size == 0) return;
    const std::lock_guard lock(mutex_);
    const auto place = std::upper_bound(free_.begin(), free_.end(), block.size,
                                        [](std::int64_t size, const Block& x) { return size < x.size; });
    free_.insert(place, std::move(block));
  }

  std::mutex mutex_;
  std::vector<Block> free_;  // by size
};

}  // namespace trireme::cpu
