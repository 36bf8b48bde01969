// A confusion matrix as a picture.
#pragma once

#include "runtime/data/images/image.h"
#include "runtime/metrics/measures.h"

namespace trireme::launcher {

// A square for each pair of classes, rows the truth, columns the answer: the darker, the larger the share of the row.
// What is right is blue, what is wrong red. The matrix must not be empty.
data::Image draw_confusion(const metrics::Measures& measures);

}  // namespace trireme::launcher
