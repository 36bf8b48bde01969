// Which samples of a data set are for training, which for validation, which for the test at the end.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trireme::data {

enum class SplitOrder : std::uint8_t {
  shuffled,  // drawn from the seed
  in_time,   // as they lie: what is validated on comes after what is trained on, what is tested on comes last
};

struct SplitOptions {
  double validation = 0.0;  // fractions of all samples, in [0, 1)
  double test = 0.0;
  SplitOrder order = SplitOrder::shuffled;
  // Every class has about the same share in each part. Shuffled only.
  bool stratified = false;
  // Cross-validation: what is left when the test part is taken is cut into `folds` parts, of which number `fold` is for
  // validation. Shuffled: the others are for training. In time: the one of folds + 1 parts that follows the
  // first fold + 1, which are for training. 0: none, `validation` counts.
  std::int64_t folds = 0;
  std::int64_t fold = 0;
  std::uint64_t seed = 0;
};

struct Parts {
  std::vector<std::int64_t> training, validation, test;  // numbers of samples, ascending
};

// `labels` (one per sample) are read where the split is stratified. A function of its arguments alone. Parts are
// disjoint and together all samples but those that in-time folds leave for later. An Error where a part that is asked
// for, or the training part, would be empty.
Parts split(std::int64_t samples, std::span<const std::int32_t> labels, const SplitOptions& options);

// The same numbers in an order drawn from the seed; at least one.
std::vector<std::int64_t> shuffled(const std::vector<std::int64_t>& samples, std::uint64_t seed);

}  // namespace trireme::data
