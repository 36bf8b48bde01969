#include "runtime/kernels/reference/images/image_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {

void ReferenceImages::copy_channels(Tensor& y, std::int64_t y_first, const Tensor& x, std::int64_t x_first,
                                    std::int64_t count) {
  Values values = load(y);
  const Values from = load(x);
  for (std::int64_t row = 0; row < rows_of(x); ++row)
    for (std::int64_t c = 0; c < count; ++c)
      values[static_cast<std::size_t>(row * columns_of(y) + y_first + c)] =
          from[static_cast<std::size_t>(row * columns_of(x) + x_first + c)];
  store(y, values);
}

}  // namespace trireme::reference
