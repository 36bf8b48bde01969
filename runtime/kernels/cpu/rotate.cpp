#include <cmath>
#include <vector>

#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/formulas/rotation.h"

namespace trireme::cpu {

void CpuKernels::rotate(Tensor& y, const Tensor& x, const Rotation& how) {
  if (x.numel() == 0) return;
  const std::int64_t half = x.size(3) / 2;
  std::vector<std::uint64_t> turns(static_cast<std::size_t>(half));
  const double log2_base = std::log2(double{how.base});
  for (std::int64_t i = 0; i < half; ++i)
    turns[static_cast<std::size_t>(i)] = formulas::turn_per_position(i, half, log2_base);
  const RotateRows rows{.y = array_of(y),
                        .x = array_of(x),
                        .heads = x.size(2),
                        .half = half,
                        .rotated = how.heads,
                        .turns = turns.data(),
                        .sequence = x.size(1),
                        .first = how.first,
                        .inverse = how.inverse};
  for_range(x.size(0) * x.size(1), x.size(2) * x.size(3), [&](Range range) { level_.rotate(rows, range); });
}

}  // namespace trireme::cpu
