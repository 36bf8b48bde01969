// Measures of a segmentation: one class per pixel.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/metrics/measures.h"

namespace trireme::metrics {

// Numbers in the record of a sample.
std::int64_t segmentation_width(std::int64_t classes);

// Appends the records of `samples` samples: the class of each pixel, as answered and in truth; truths below zero count
// nothing.
void add_segmented(std::vector<double>& records, std::span<const std::int32_t> answers,
                   std::span<const std::int32_t> truths, std::int64_t samples, std::int64_t classes);

// dice and iou, means over the classes but the background (class 0) that occur, from the pixels of all samples
// together; pixel_accuracy; the confusion matrix of pixels.
Measures segmentation_measures(std::span<const double> records, std::int64_t classes);

}  // namespace trireme::metrics
