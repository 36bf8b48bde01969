#include "runtime/metrics/confusion.h"

#include <numeric>

namespace trireme::metrics {
namespace {

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::int64_t Confusion::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

std::int64_t Confusion::right() const {
  std::int64_t sum = 0;
  for (std::int64_t c = 0; c < classes_; ++c) sum += count(c, c);
  return sum;
}

std::int64_t Confusion::truths(std::int64_t c) const {
  std::int64_t sum = 0;
  for (std::int64_t answer = 0; answer < classes_; ++answer) sum += count(c, answer);
  return sum;
}

std::int64_t Confusion::answers(std::int64_t c) const {
  std::int64_t sum = 0;
  for (std::int64_t truth = 0; truth < classes_; ++truth) sum += count(truth, c);
  return sum;
}

double Confusion::precision(std::int64_t c) const {
  return ratio(count(c, c), answers(c));
}

double Confusion::recall(std::int64_t c) const {
  return ratio(count(c, c), truths(c));
}

double Confusion::f1(std::int64_t c) const {
  return ratio(2 * count(c, c), truths(c) + answers(c));
}

double Confusion::iou(std::int64_t c) const {
  return ratio(count(c, c), truths(c) + answers(c) - count(c, c));
}

double Confusion::accuracy() const {
  return ratio(right(), total());
}

double Confusion::mean(double (Confusion::*of)(std::int64_t) const, std::int64_t first) const {
  double sum = 0.0;
  std::int64_t seen = 0;
  for (std::int64_t c = first; c < classes_; ++c) {
    if (truths(c) + answers(c) == 0) continue;
    sum += (this->*of)(c);
    ++seen;
  }
  return seen == 0 ? 0.0 : sum / static_cast<double>(seen);
}

}  // namespace trireme::metrics
