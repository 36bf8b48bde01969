#include "runtime/metrics/ranking.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>

namespace trireme::metrics {
namespace {

// Calls visit(positives, negatives) for each group of equal scores, highest first.
void by_score(std::vector<Scored>& scored, const std::function<void(std::int64_t, std::int64_t)>& visit) {
  std::sort(scored.begin(), scored.end(), [](const Scored& a, const Scored& b) { return a.score > b.score; });
  for (std::size_t begin = 0, end = 0; begin < scored.size(); begin = end) {
    std::int64_t positives = 0;
    for (; end < scored.size() && scored[end].score == scored[begin].score; ++end) positives += scored[end].positive;
    visit(positives, static_cast<std::int64_t>(end - begin) - positives);
  }
}

}  // namespace

double auc(std::vector<Scored> scored) {
  // A score that is no number would be in no order at all.
  if (std::any_of(scored.begin(), scored.end(), [](const Scored& s) { return s.score != s.score; }))
    return std::numeric_limits<double>::quiet_NaN();
  std::int64_t before = 0, negatives = 0, twice = 0;
  by_score(scored, [&](std::int64_t positive, std::int64_t negative) {
    twice += negative * (2 * before + positive);
    before += positive;
    negatives += negative;
  });
  if (before == 0 || negatives == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(twice) / (2.0 * static_cast<double>(before) * static_cast<double>(negatives));
}

std::vector<RocPoint> roc_curve(std::vector<Scored> scored) {
  std::int64_t positives = 0;
  for (const Scored& one : scored) positives += one.positive;
  const auto all = static_cast<double>(positives), rest = static_cast<double>(scored.size()) - all;
  if (all == 0.0 || rest == 0.0) return {};
  std::vector<RocPoint> curve{{}};
  std::int64_t hits = 0, alarms = 0;
  by_score(scored, [&](std::int64_t positive, std::int64_t negative) {
    hits += positive;
    alarms += negative;
    curve.push_back({static_cast<double>(alarms) / rest, static_cast<double>(hits) / all});
  });
  return curve;
}

}  // namespace trireme::metrics
