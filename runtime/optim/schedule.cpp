#include "runtime/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace trireme::optim {
namespace {

double cosine_between(double from, double to, double progress) {
  return to + 0.5 * (from - to) * (1.0 + std::cos(std::numbers::pi * progress));
}

}  // namespace

double Schedule::at(std::int64_t step) const {
  if (step < warmup) return lr * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const std::int64_t since = step - warmup;
  const double span = static_cast<double>(std::max<std::int64_t>(steps - warmup, 1));
  const double progress = std::min(static_cast<double>(since) / span, 1.0);
  switch (kind) {
    case Kind::constant: return lr;
    case Kind::linear: return lr + (min_lr - lr) * progress;
    case Kind::cosine: return cosine_between(lr, min_lr, progress);
    case Kind::step: return lr * std::pow(gamma, static_cast<double>(since / std::max<std::int64_t>(period, 1)));
    case Kind::cyclic: {
      const std::int64_t length = std::max<std::int64_t>(period, 1);
      const double place = static_cast<double>(since % (2 * length)) / static_cast<double>(length);
      return min_lr + (lr - min_lr) * (1.0 - std::abs(place - 1.0));
    }
    case Kind::one_cycle:
      return progress < peak ? cosine_between(lr / 25.0, lr, progress / peak)
                             : cosine_between(lr, lr / 1e4, (progress - peak) / (1.0 - peak));
  }
  return lr;
}

}  // namespace trireme::optim
