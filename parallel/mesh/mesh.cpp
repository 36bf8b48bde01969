#include "parallel/mesh/mesh.h"

#include <utility>

namespace trireme::parallel {

DividedAxis divide(const Axis& axis, int ranks) {
  require(ranks > 0 && axis.size() % ranks == 0, "mesh", "expected groups that divide the", axis.size(),
          "ranks of axis", axis.name() + ", found groups of", ranks);
  const int place = axis.index() % ranks, number = axis.index() / ranks;
  const auto part = [&](const std::string& name, int color, int key) {
    auto compute = axis.compute().split(color, key, name);
    return Axis(name, std::move(compute), axis.communication().split(color, key, overlapped(name)));
  };
  Axis inner = part(shards_of(axis.name()), number, place);
  return {std::move(inner), part(replicas_of(axis.name()), place, number)};
}

Mesh::Mesh(Group& world, Layout layout) : world_(&world), layout_(std::move(layout)) {
  require(layout_.ranks() == world.size(), "mesh", "expected a layout of", world.size(), "ranks, found",
          layout_.text());
  for (const AxisSize& axis : layout_.sizes()) {
    const int index = layout_.index(axis.name, world.rank());
    const int color = world.rank() - index * layout_.stride(axis.name);  // the rank at index 0 of this line of the grid
    auto compute = world.split(color, index, axis.name);
    auto communication = world.split(color, index, overlapped(axis.name));
    axes_.emplace_back(axis.name, std::move(compute), std::move(communication));
  }
}

Mesh::Mesh(Group& world, const std::vector<AxisSize>& sizes) : Mesh(world, make_layout(world.size(), sizes)) {}

const Axis& Mesh::axis(std::string_view name) const {
  for (const Axis& axis : axes_)
    if (axis.name() == name) return axis;
  fail("mesh", "expected an axis of this mesh,", layout_.text() + "; found", name);
}

}  // namespace trireme::parallel
