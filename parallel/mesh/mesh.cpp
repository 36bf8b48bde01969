#include "parallel/mesh/mesh.h"

#include <utility>

namespace trireme::parallel {

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
