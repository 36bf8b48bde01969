// What an evaluation has found, beside the mean loss.
//
// A pass over data keeps a few numbers of each sample (its record). Records of all ranks are put together in the order
// of the samples, and measures are computed from all of them at once: the same numbers, to the last bit, on any number
// of ranks and with batches of any size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::metrics {

struct Measure {
  std::string name;
  double value = 0.0;
};

struct RocPoint {
  double false_positives = 0.0, true_positives = 0.0;  // rates
};

struct Measures {
  std::vector<Measure> scalars;         // the most telling first
  std::int64_t classes = 0;             // of `confusion`
  std::vector<std::int64_t> confusion;  // (classes, classes), rows the truth, columns the answer; empty: none
  std::vector<RocPoint> roc;            // of two classes, for class 1; empty: none

  void add(std::string name, double value) { scalars.push_back({std::move(name), value}); }
  // Null where there is none of this name.
  const double* find(std::string_view name) const {
    for (const Measure& measure : scalars)
      if (measure.name == name) return &measure.value;
    return nullptr;
  }
};

}  // namespace trireme::metrics
