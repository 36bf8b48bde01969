// Counts of truth against answer, and what follows from them.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace trireme::metrics {

class Confusion {
 public:
  explicit Confusion(std::int64_t classes)
      : classes_(classes), counts_(static_cast<std::size_t>(classes * classes), 0) {}

  // Both in [0, classes).
  void add(std::int64_t truth, std::int64_t answer, std::int64_t count = 1) { at(truth, answer) += count; }

  std::int64_t classes() const noexcept { return classes_; }
  std::int64_t count(std::int64_t truth, std::int64_t answer) const {
    return counts_[static_cast<std::size_t>(truth * classes_ + answer)];
  }
  std::int64_t total() const;
  std::int64_t right() const;                  // the diagonal
  std::int64_t truths(std::int64_t c) const;   // that are of class c
  std::int64_t answers(std::int64_t c) const;  // that say class c
  // Of one class; 0 where nothing divides.
  double precision(std::int64_t c) const;
  double recall(std::int64_t c) const;
  double f1(std::int64_t c) const;  // the Dice coefficient, for pixels
  double iou(std::int64_t c) const;
  double accuracy() const;
  // The mean of one of the above over the classes from `first` on that occur as truth or answer.
  double mean(double (Confusion::*of)(std::int64_t) const, std::int64_t first = 0) const;

  std::vector<std::int64_t> take() && { return std::move(counts_); }

 private:
  std::int64_t& at(std::int64_t truth, std::int64_t answer) {
    return counts_[static_cast<std::size_t>(truth * classes_ + answer)];
  }

  std::int64_t classes_;
  std::vector<std::int64_t> counts_;
};

}  // namespace trireme::metrics
