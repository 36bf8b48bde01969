// Classification data drawn from counters: no files, any size, the same on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/data/source.h"

namespace trireme::data {

struct SyntheticOptions {
  std::int64_t samples = 10000;
  std::int64_t first = 0;  // number of the first sample: a validation set starts where the training set ends
  std::int64_t classes = 10;
  std::int64_t features = 784;
  float noise = 1.0f;  // standard deviation of the noise around a class's centre; centres have 1
  std::uint64_t seed = 0;
};

// "features" (F) f32 = centre of the class + noise, both uniformly distributed; "labels" () i32.
class SyntheticClasses : public Source {
 public:
  explicit SyntheticClasses(SyntheticOptions options);

  std::span<const Field> fields() const override { return fields_; }
  std::int64_t samples() const override { return options_.samples; }
  void read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const override;

 private:
  SyntheticOptions options_;
  std::vector<Field> fields_;
  std::vector<float> centres_;  // (classes, F)
};

}  // namespace trireme::data
