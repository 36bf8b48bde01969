// Sums, maxima and minima of several copies of a range, element by element.
//
// The order is that of the sources, always from the first: ((s0 + s1) + s2) + ..., in fp32 for 16-bit types, which are
// rounded once at the end. This order is the whole of what makes results equal on every transport, so nothing else in
// this room adds. A NaN in any source gives NaN, for maxima and minima too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "collectives/group/group.h"
#include "runtime/base/dtype.h"

namespace trireme::collectives {

// fp32 for 16-bit floating-point types, otherwise the type itself.
DType accumulator_of(DType dtype);

struct ReduceJob {
  std::span<const std::byte* const> sources;  // `count` elements each
  std::span<std::byte* const> targets;        // each gets the result; may be sources, but not overlap them shifted
  std::int64_t count = 0;
  DType dtype = DType::f32;
  Reduction reduction = Reduction::sum;
  // A sum that others have begun or will go on with, not yet rounded: elements of accumulator_of(dtype).
  const std::byte* carry_in = nullptr;  // comes before the first source
  std::byte* carry_out = nullptr;       // gets the result, instead of `targets`
};
void reduce(const ReduceJob& job);

}  // namespace trireme::collectives
