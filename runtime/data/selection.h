// Sources made of some samples of another.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/data/order.h"
#include "runtime/data/source.h"

namespace trireme::data {

// Sample i is sample chosen[i] of the whole.
class Selection : public Source {
 public:
  Selection(std::shared_ptr<const Source> whole, std::vector<std::int64_t> chosen);

  std::span<const Field> fields() const override { return whole_->fields(); }
  std::int64_t samples() const override { return static_cast<std::int64_t>(chosen_.size()); }
  void read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const override;

 private:
  std::shared_ptr<const Source> whole_;
  std::vector<std::int64_t> chosen_;
};

// As many samples as were chosen, of every class equally many: a class that has fewer than its share is gone through
// more often, each time in another order and as another epoch of the whole, so that augmentation differs.
class Balanced : public Source {
 public:
  // labels[i] is the class of sample chosen[i].
  Balanced(std::shared_ptr<const Source> whole, const std::vector<std::int64_t>& chosen,
           const std::vector<std::int32_t>& labels, std::uint64_t seed);

  std::span<const Field> fields() const override { return whole_->fields(); }
  std::int64_t samples() const override { return samples_; }
  void read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const override;

 private:
  struct Class {
    std::vector<std::int64_t> samples;
    Order order;
  };
  std::shared_ptr<const Source> whole_;
  std::int64_t samples_;
  std::vector<Class> classes_;
};

// samples / (classes * samples of the class) for each of `classes` classes, so that every class weighs the same in the
// sum over all samples, whose mean weight is 1. A class that is absent is an Error.
std::vector<float> balanced_weights(const std::vector<std::int32_t>& labels, std::int64_t classes);

}  // namespace trireme::data
