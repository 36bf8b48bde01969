// Confusion matrices and ROC curves as pictures.
#pragma once

#include "runtime/data/images/image.h"
#include "runtime/metrics/measures.h"

namespace trireme::launcher {

// A square for each pair of classes, rows the truth, columns the answer: the darker, the larger the share of the row.
// What is right is blue, what is wrong red. The matrix must not be empty.
data::Image draw_confusion(const metrics::Measures& measures);
// The curve in a square, false positives to the right, true positives upwards, over the diagonal of mere chance. The
// measures must have one.
data::Image draw_roc(const metrics::Measures& measures);

}  // namespace trireme::launcher
