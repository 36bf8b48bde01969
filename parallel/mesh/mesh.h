// The ranks of a run as a grid with named axes.
//
// Dictionary: an axis is of the mesh, a dim of a tensor, a rank a process, an index a position on an axis.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/group/group.h"
#include "parallel/mesh/layout.h"

namespace trireme::parallel {

// One axis, seen from one rank: the ranks that differ from it in this coordinate alone.
class Axis {
 public:
  Axis(std::string name, std::unique_ptr<Group> compute, std::unique_ptr<Group> communication)
      : name_(std::move(name)), compute_(std::move(compute)), communication_(std::move(communication)) {}

  const std::string& name() const noexcept { return name_; }
  int size() const noexcept { return compute_->size(); }
  int index() const noexcept { return compute_->rank(); }
  // Two groups of the same ranks, because a group belongs to one stream.
  Group& compute() const noexcept { return *compute_; }
  Group& communication() const noexcept { return *communication_; }

 private:
  std::string name_;
  std::unique_ptr<Group> compute_;
  std::unique_ptr<Group> communication_;
};

// An axis in groups of neighbours: `inner` are the ranks of one group, `outer` those with the same place in each.
struct DividedAxis {
  Axis inner;  // "data shards"
  Axis outer;  // "data replicas"
};
// In groups of `ranks`, which divide the axis. Collective over it.
DividedAxis divide(const Axis& axis, int ranks);

class Mesh {
 public:
  // Keeps a reference to `world`, whose ranks are those of the layout. Collective.
  Mesh(Group& world, Layout layout);
  // The product of the sizes must be the number of ranks.
  Mesh(Group& world, const std::vector<AxisSize>& sizes);

  const Axis& axis(std::string_view name) const;
  const std::vector<Axis>& axes() const noexcept { return axes_; }
  const Layout& layout() const noexcept { return layout_; }
  // All ranks, on the compute stream.
  Group& world() const noexcept { return *world_; }

 private:
  Group* world_;
  Layout layout_;
  std::vector<Axis> axes_;
};

}  // namespace trireme::parallel
