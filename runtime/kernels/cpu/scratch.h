// Working memory of kernels: blocks are lent and reused, one per concurrent borrower.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace trireme::cpu {

class Scratch {
 public:
  struct Block {
    struct Free {
      void operator()(float* data) const { ::operator delete (data, std::align_val_t{64}); }
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

  // At least `floats` uninitialised floats, aligned to 64 bytes.
  Lease take(std::int64_t floats) {
    Block block;
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        block = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (block.size < floats) {
      block.data.reset(
          static_cast<float*>(::operator new (static_cast<std::size_t>(floats) * sizeof(float), std::align_val_t{64})));
      block.size = floats;
    }
    return {*this, std::move(block)};
  }

 private:
  void give_back(Block block) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(block));
  }

  std::mutex mutex_;
  std::vector<Block> free_;
};

}  // namespace trireme::cpu
