#include "runtime/data/selection.h"

#include <map>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/base/philox.h"

namespace trireme::data {

Selection::Selection(std::shared_ptr<const Source> whole, std::vector<std::int64_t> chosen)
    : whole_(std::move(whole)), chosen_(std::move(chosen)) {
  require(!chosen_.empty(), "data", "expected at least one sample, found none");
  for (const std::int64_t sample : chosen_)
    require(sample >= 0 && sample < whole_->samples(), "data", "expected samples below", whole_->samples(), "found",
            sample);
}

void Selection::read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const {
  whole_->read(epoch, chosen_[static_cast<std::size_t>(sample)], rows);
}

Balanced::Balanced(std::shared_ptr<const Source> whole, const std::vector<std::int64_t>& chosen,
                   const std::vector<std::int32_t>& labels, std::uint64_t seed)
    : whole_(std::move(whole)), samples_(std::ssize(chosen)) {
  require(samples_ > 0 && chosen.size() == labels.size(), "data", "expected a class for each of", chosen.size(),
          "samples, found", labels.size());
  std::map<std::int32_t, std::vector<std::int64_t>> members;
  for (std::size_t i = 0; i < chosen.size(); ++i) members[labels[i]].push_back(chosen[i]);
  for (auto& [label, samples] : members) {
    const Order order(OrderKind::shuffled, std::ssize(samples),
                      seed ^ (hash_name("balanced") + static_cast<std::uint64_t>(label)));
    classes_.push_back({std::move(samples), order});
  }
}

// Classes in turn; the running number of a visit to a class says which of its samples it is.
void Balanced::read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const {
  const std::int64_t classes = std::ssize(classes_), visits = (samples_ + classes - 1) / classes;
  const Class& one = classes_[static_cast<std::size_t>(sample % classes)];
  const Order::Place place = one.order.at(epoch * visits + sample / classes);
  whole_->read(place.epoch, one.samples[static_cast<std::size_t>(place.sample)], rows);
}

std::vector<float> balanced_weights(const std::vector<std::int32_t>& labels, std::int64_t classes) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(classes), 0);
  for (const std::int32_t label : labels) {
    require(label >= 0 && label < classes, "data", "expected labels below", classes, "found", label);
    ++counts[static_cast<std::size_t>(label)];
  }
  std::vector<float> weights;
  for (std::int64_t c = 0; c < classes; ++c) {
    const std::int64_t count = counts[static_cast<std::size_t>(c)];
    require(count > 0, "data", "no sample of class", c, "of", classes, "to weigh: balance needs some of every class");
    weights.push_back(static_cast<float>(static_cast<double>(labels.size()) /
                                         (static_cast<double>(classes) * static_cast<double>(count))));
  }
  return weights;
}

}  // namespace trireme::data
