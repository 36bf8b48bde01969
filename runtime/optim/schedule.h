// Learning rates as functions of the step.
#pragma once

#include <cstdint>

namespace trireme::optim {

struct Schedule {
  enum class Kind : std::uint8_t {
    constant,   // lr
    linear,     // from lr down to min_lr at `steps`
    cosine,     // half a cosine from lr down to min_lr at `steps` (Loshchilov & Hutter 2017)
    step,       // lr * gamma^(number of whole `period`s)
    cyclic,     // triangles between min_lr and lr, 2 * period long (Smith 2017)
    one_cycle,  // cosine up from lr / 25 to lr in the first `peak` of the steps, cosine down to lr / 1e4 (Smith & Topin
                // 2019)
  };
  Kind kind = Kind::constant;
  double lr = 1e-3;  // peak
  double min_lr = 0.0;
  std::int64_t steps = 1;   // of the whole run
  std::int64_t warmup = 0;  // steps of linear warm-up from lr / warmup to lr; the rest of the schedule follows it
  std::int64_t period = 1;
  double gamma = 0.1;
  double peak = 0.3;

  // The learning rate of step 0, 1, ...
  double at(std::int64_t step) const;
};

}  // namespace trireme::optim
