// Dynamic loss scale for fp16 (Micikevicius et al. 2018), and the count of skipped steps for every precision.
#pragma once

#include <algorithm>
#include <cstdint>

namespace trireme::optim {

struct LossScale {
  bool dynamic = false;               // fp16; otherwise the scale stays
  float scale = 1.0f;
  std::int64_t growth_interval = 2000;  // steps without overflow before the scale doubles
  std::int64_t good_steps = 0;
  std::int64_t skipped = 0;

  // After a step whose gradients were finite, or were not and the step was skipped.
  void update(bool finite) {
    if (!finite) {
      ++skipped;
      good_steps = 0;
      if (dynamic) scale = std::max(scale * 0.5f, 1.0f);
    } else if (dynamic && ++good_steps >= growth_interval) {
      good_steps = 0;
      scale = std::min(scale * 2.0f, 0x1p24f);
    }
  }
};

}  // namespace trireme::optim
