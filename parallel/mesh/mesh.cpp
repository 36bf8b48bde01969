#include "parallel/mesh/mesh.h"

#include <sstream>

namespace trireme::parallel {
namespace {

std::string product(const std::vector<AxisSize>& sizes) {
  std::ostringstream text;
  for (std::size_t i = 0; i < sizes.size(); ++i) text << (i ? " x " : "") << sizes[i].name << ' ' << sizes[i].size;
  return text.str();
}

}  // namespace

Mesh::Mesh(Group& world, const std::vector<AxisSize>& sizes) {
  std::int64_t total = 1;
  for (const AxisSize& axis : sizes) {
    require(axis.size > 0, "mesh", "expected positive axis sizes, found", product(sizes));
    total *= axis.size;
  }
  if (total != world.size())
    fail("mesh", "expected axis sizes whose product is the number of ranks,", world.size(), "; found", product(sizes),
         "=", total, "; start", total, "ranks or change `parallel` in the job");
  int stride = world.size();
  for (const AxisSize& axis : sizes) {
    stride /= axis.size;
    const int index = world.rank() / stride % axis.size;
    const int color = world.rank() - index * stride;  // the rank at index 0 of this line of the grid
    auto compute = world.split(color, index, axis.name);
    auto communication = world.split(color, index, axis.name + " (overlapped)");
    axes_.emplace_back(axis.name, std::move(compute), std::move(communication));
  }
}

const Axis& Mesh::axis(std::string_view name) const {
  for (const Axis& axis : axes_)
    if (axis.name() == name) return axis;
  fail("mesh", "expected an axis of this mesh, found", name);
}

}  // namespace trireme::parallel
