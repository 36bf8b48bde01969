// How many ranks each axis of a mesh has, decided before any rank talks to another.
//
// The order of the ranks: tensor innermost, then context, data, and pipeline outermost. Neighbouring ranks share a host
// and its fast links, so the axes that talk most, and while computation waits for them, lie inside: tensor parallelism
// sums activations several times a layer, context parallelism passes keys and values once a layer, data parallelism
// sums gradients once a step behind the backward pass, and pipeline stages hand one activation to one neighbour.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/dry/dry_group.h"

namespace trireme::parallel {

inline constexpr std::int64_t most_ranks = std::int64_t{1} << 24;

struct AxisSize {
  std::string name;  // "data"
  int size = 1;
};

// The sizes of all axes, outermost first.
class Layout {
 public:
  // Throws unless sizes are positive and names differ.
  explicit Layout(std::vector<AxisSize> sizes);

  const std::vector<AxisSize>& sizes() const noexcept { return sizes_; }
  int ranks() const noexcept { return ranks_; }
  int size(std::string_view axis) const;
  // The position of `rank` on an axis, and how many ranks apart neighbours on it are.
  int index(std::string_view axis, int rank) const;
  int stride(std::string_view axis) const;
  // "pipeline 2 x data 2 x tensor 2"
  std::string text() const;

 private:
  std::size_t place(std::string_view axis) const;

  std::vector<AxisSize> sizes_;
  int ranks_ = 1;
};

// What a model or a batch allows an axis to be.
struct AxisRule {
  enum class Kind : std::uint8_t { divides, multiple, at_most, at_least };
  std::string axis;           // "tensor"
  Kind kind = Kind::divides;  // the size divides `number`, is a multiple of it, no larger, no smaller
  std::int64_t number = 1;    // 4
  std::string what;           // "attention heads"
};

// The layout that `asked` describes for this many ranks; one axis of size 0 takes the ranks that the others leave.
// Throws where the product is another number, or a rule is broken, with the arithmetic and the nearest layouts that
// work.
Layout make_layout(int ranks, const std::vector<AxisSize>& asked, std::span<const AxisRule> rules = {});
// The same in two steps: the product, with rules for what is suggested alone; then the rules.
Layout fill_layout(int ranks, const std::vector<AxisSize>& asked, std::span<const AxisRule> rules);
void check_rules(const Layout& layout, const std::vector<AxisSize>& asked, std::span<const AxisRule> rules);

// The layouts of `ranks` ranks that keep the rules, at most `count`, those nearest to `asked` first.
std::vector<Layout> nearest_layouts(int ranks, const std::vector<AxisSize>& asked, std::span<const AxisRule> rules,
                                    std::size_t count);

// The name of an axis' second group, whose operations run beside the computation.
inline std::string overlapped(const std::string& axis) {
  return axis + " (overlapped)";
}

// The names of the two parts of a divided axis.
inline std::string shards_of(const std::string& axis) {
  return axis + " shards";
}
inline std::string replicas_of(const std::string& axis) {
  return axis + " replicas";
}

// What a dry group has to know of the splits that a Mesh makes of it, and those that divide() makes of its axis `data`
// in groups of so many ranks (0: none).
std::vector<DrySplit> dry_splits(const Layout& layout, int rank, int data_groups = 0);

}  // namespace trireme::parallel
