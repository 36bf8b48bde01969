#include <cstring>

#include "runtime/kernels/cpu/images/image_class.h"

namespace trireme::cpu {

void CpuImages::copy_channels(Tensor& y, std::int64_t y_first, const Tensor& x, std::int64_t x_first,
                              std::int64_t count) {
  const std::int64_t from_row = x.size(-1), to_row = y.size(-1), size = size_of(x.dtype());
  if (count == 0) return;
  for_range(x.numel() / from_row, count, [&](Range rows) {
    for (std::int64_t row = rows.begin; row < rows.end; ++row)
      std::memcpy(y.raw() + (row * to_row + y_first) * size, x.raw() + (row * from_row + x_first) * size,
                  static_cast<std::size_t>(count * size));
  });
}

}  // namespace trireme::cpu
