// The records of samples (runtime/metrics/measures.h) that an evaluation's ranks have looked at.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/mesh/mesh.h"
#include "runtime/device/device.h"

namespace trireme::parallel {

class SampleRecords {
 public:
  explicit SampleRecords(std::int64_t width) : width_(width) {}

  std::int64_t width() const noexcept { return width_; }
  // `records`: `width` numbers for each of the samples first, first + 1, ...
  void add(std::int64_t first, std::span<const double> records);
  // The records of all ranks in the order of the samples: the same on every rank, whoever looked at which. Of each
  // sample one rank of the two axes has the record. Collective over both.
  std::vector<double> of_all_ranks(Device& device, const Axis& pipeline, const Axis& data) const;

 private:
  std::int64_t width_;
  std::vector<double> rows_;  // the number of the sample, then its record
};

}  // namespace trireme::parallel
