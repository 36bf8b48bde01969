#include "native.h"  // of the level being compiled
#include "runtime/kernels/cpu/level/image_declarations.h"

namespace trireme::cpu::TRIREME_LEVEL {

const ImageLevel& image_level() {
  static constexpr ImageLevel table{
      .patch_rows = patch_rows,
      .patch_panels = patch_panels,
      .put_rows = put_rows,
      .pack_taps = pack_taps,
      .winograd_input = winograd_input,
      .winograd_output = winograd_output,
      .winograd_filters = winograd_filters,
      .winograd_upstream = winograd_upstream,
      .winograd_gradient = winograd_gradient,
      .multiply_add = multiply_add,
      .add_products = add_products,
      .slope_grad = slope_grad,
      .max_pool = max_pool,
      .max_pool_grad = max_pool_grad,
      .channel_stats = channel_stats,
      .channel_norm = channel_norm,
      .channel_norm_sums = channel_norm_sums,
      .channel_norm_grad = channel_norm_grad,
  };
  return table;
}

}  // namespace trireme::cpu::TRIREME_LEVEL
