// What is done with any data set whose samples have classes: splits and balance.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "launcher/trainer/from_job.h"
#include "runtime/data/split.h"

namespace trireme::launcher {

// The parts of a data set of so many samples, by data.split.
data::Parts split_of(const job::Job& job, std::int64_t samples, std::span<const std::int32_t> labels);

// The parts of `training` and `held_out`: the same samples, read for training (augmented) and for looking at. `labels`
// is empty where samples have none. Does what data.balance says; `classes` of the model.
struct Labelled {
  std::shared_ptr<const data::Source> training, held_out;
  std::span<const std::int32_t> labels;
  std::int64_t classes = 0;
};
Sources parts_of(const job::Job& job, const Labelled& data, const data::Parts& parts);

// The chosen samples, to look at: in an order drawn from the seed, so that the first of them, which are all that a
// short validation sees, are of all classes; in their own where data.split is in time.
std::shared_ptr<const data::Source> mixed(const job::Job& job, std::shared_ptr<const data::Source> whole,
                                          const std::vector<std::int64_t>& chosen);

// "left out 2 of 1000 samples: what was wrong with the first"; empty where there is nothing to say.
std::string left_out(const std::vector<std::string>& skipped, std::int64_t kept);

}  // namespace trireme::launcher
