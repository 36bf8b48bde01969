// How well scores put positives before negatives.
#pragma once

#include <span>
#include <vector>

#include "runtime/metrics/measures.h"

namespace trireme::metrics {

struct Scored {
  double score = 0.0;
  bool positive = false;
};

// The area under the ROC curve: the share of pairs of a positive and a negative in which the positive has the higher
// score, equal ones counting half (Mann & Whitney 1947). Exact, whatever the order. NaN without a pair.
double auc(std::vector<Scored> scored);

// The curve from (0, 0) to (1, 1), a point after each group of equal scores, highest first. Empty without a pair.
std::vector<RocPoint> roc_curve(std::vector<Scored> scored);

}  // namespace trireme::metrics
