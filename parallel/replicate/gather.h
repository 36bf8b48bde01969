// Weights of which each rank keeps and updates a part (ZeRO, Rajbhandari et al. 2020): put together for those who read
// them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "parallel/mesh/mesh.h"
#include "runtime/nn/flat.h"

namespace trireme::parallel {

// Levels 1 and 2: working copies are whole, and are gathered block by block after each block's update.
// Level 3: a block is gathered when a pass first reads it, and the one that followed it the last time is gathered
// ahead; a few blocks at a time are whole.
class GatheredWeights {
 public:
  // Installs the hooks of level 3; they are removed by the destructor. Collective.
  GatheredWeights(nn::FlatParameters& parameters, const Axis& axis);
  GatheredWeights(const GatheredWeights&) = delete;
  GatheredWeights& operator=(const GatheredWeights&) = delete;
  ~GatheredWeights();

  // After this rank's part of a block has changed.
  void changed(int block);
  void all_changed();
  // Blocks that a pass has left whole are gathered again when they are next read.
  void forget();
  // Makes the compute stream wait for what changed() has started. Call before the next pass.
  void finish();

 private:
  struct Slot {
    std::shared_ptr<Storage> memory;
    int block = -1;
    Event gathered{};
    std::int64_t last_use = 0;
  };

  bool active() const noexcept { return parameters_.sharding().level > 0; }
  void gather(int block);
  void need(int block);
  Slot& bring(int block);
  Slot* slot_of(int block);

  nn::FlatParameters& parameters_;
  const Axis& axis_;
  std::vector<Slot> slots_;
  std::int64_t uses_ = 0;
  std::pair<int, int> path_{-1, -1};              // the two blocks read last
  std::map<std::pair<int, int>, int> followers_;  // the block that was read after those two
};

}  // namespace trireme::parallel
