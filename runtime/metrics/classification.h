// Measures of a classifier: one class per sample.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/metrics/measures.h"

namespace trireme::metrics {

// With more classes than this no probabilities are kept, and there is no AUC.
inline constexpr std::int64_t auc_classes = 64;
// Top-k is counted for this k where there are more classes.
inline constexpr std::int64_t top_classes = 5;

// Numbers in the record of a sample.
std::int64_t classification_width(std::int64_t classes);

// Appends the records of some samples: logits (samples, classes) and labels (samples), in [0, classes).
void add_classified(std::vector<double>& records, std::span<const float> logits, std::span<const std::int32_t> labels,
                    std::int64_t classes);

// accuracy; top5_accuracy; precision, recall and f1 as means over the classes that occur (macro), and for two classes
// of class 1; f1_micro, from the counts of all classes together; auc, of class 1 against class 0, or the mean over
// classes of one against the rest. The confusion matrix, and of two classes the ROC curve.
Measures classification_measures(std::span<const double> records, std::int64_t classes);

}  // namespace trireme::metrics
