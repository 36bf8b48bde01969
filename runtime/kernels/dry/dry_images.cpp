#include "runtime/kernels/dry/dry_images.h"

namespace trireme {

void DryImages::copy_channels(Tensor&, std::int64_t, const Tensor& x, std::int64_t, std::int64_t count) {
  const std::int64_t channels = x.size(-1), bytes = channels == 0 ? 0 : x.bytes() / channels * count;
  counter_.count_bytes("copy_channels", bytes, bytes, 0);
}

}  // namespace trireme
