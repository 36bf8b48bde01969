// Windows: memory allocated through a group, in which every rank of the host can read and write every rank's part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "collectives/host/memory.h"

namespace trireme::collectives {

// Where a region lies, in words that mean the same to every rank of the host. Window 0: in none.
struct Place {
  // Between threads all memory is one window, and offsets are addresses.
  static constexpr std::uint64_t everywhere = ~std::uint64_t{0};

  std::uint64_t window = 0;
  std::int64_t offset = 0;  // bytes from the start of the owner's part
};

struct Window {
  std::uint64_t number = 0;  // unique within the family, equal on all ranks
  std::shared_ptr<Memory> memory;
  std::int64_t part_bytes = 0;
  std::int64_t stride = 0;   // bytes from one rank's part to the next
  std::vector<int> part_of;  // by rank of the world: which part is its own; -1: none
  int own = 0;               // this rank's part

  std::byte* part(int index) const { return memory->base() + index * stride; }
};

// The windows of one rank, for the groups of its compute and its communication stream alike.
class Windows {
 public:
  void add(std::shared_ptr<const Window> window);
  void remove(std::uint64_t number);

  Place find(const void* data, std::int64_t bytes) const;
  std::shared_ptr<const Window> get(std::uint64_t number) const;  // null: unknown

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const Window>> windows_;
};

}  // namespace trireme::collectives
