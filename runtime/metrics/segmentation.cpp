#include "runtime/metrics/segmentation.h"

#include "runtime/base/error.h"
#include "runtime/metrics/confusion.h"

namespace trireme::metrics {

// A record: the sample's confusion matrix of pixels.
std::int64_t segmentation_width(std::int64_t classes) {
  return classes * classes;
}

void add_segmented(std::vector<double>& records, std::span<const std::int32_t> answers,
                   std::span<const std::int32_t> truths, std::int64_t samples, std::int64_t classes) {
  require(answers.size() == truths.size() && samples > 0 && std::ssize(truths) % samples == 0, "metrics",
          "expected as many answers as pixels of", samples, "samples, found", answers.size(), "and", truths.size());
  const std::size_t pixels = truths.size() / static_cast<std::size_t>(samples);
  for (std::size_t begin = 0; begin < truths.size(); begin += pixels) {
    std::vector<double> counts(static_cast<std::size_t>(classes * classes), 0.0);
    for (std::size_t i = begin; i < begin + pixels; ++i) {
      const std::int64_t truth = truths[i], answer = answers[i];
      if (truth < 0) continue;
      require(truth < classes && answer >= 0 && answer < classes, "metrics", "expected classes below", classes, "found",
              truth, "and", answer);
      counts[static_cast<std::size_t>(truth * classes + answer)] += 1.0;
    }
    records.insert(records.end(), counts.begin(), counts.end());
  }
}

Measures segmentation_measures(std::span<const double> records, std::int64_t classes) {
  Confusion confusion(classes);
  const std::int64_t width = segmentation_width(classes);
  for (std::int64_t i = 0; i < std::ssize(records); ++i) {
    const std::int64_t cell = i % width;
    confusion.add(cell / classes, cell % classes, static_cast<std::int64_t>(records[static_cast<std::size_t>(i)]));
  }
  Measures measures;
  measures.add("dice", confusion.mean(&Confusion::f1, 1));
  measures.add("iou", confusion.mean(&Confusion::iou, 1));
  measures.add("pixel_accuracy", confusion.accuracy());
  measures.classes = classes;
  measures.confusion = std::move(confusion).take();
  return measures;
}

}  // namespace trireme::metrics
