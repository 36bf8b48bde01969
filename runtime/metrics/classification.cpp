#include "runtime/metrics/classification.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/error.h"
#include "runtime/metrics/confusion.h"
#include "runtime/metrics/ranking.h"

namespace trireme::metrics {
namespace {

// A record: label, answer, classes before the label, then the probabilities where they are kept. Of two classes the
// second one's probability says all.
constexpr std::int64_t fixed_numbers = 3;

std::int64_t probabilities(std::int64_t classes) {
  return classes > auc_classes || classes < 2 ? 0 : classes == 2 ? 1 : classes;
}

// Of row `record`.
struct Row {
  std::span<const double> numbers;
  std::int64_t label() const { return static_cast<std::int64_t>(numbers[0]); }
  std::int64_t answer() const { return static_cast<std::int64_t>(numbers[1]); }
  std::int64_t place() const { return static_cast<std::int64_t>(numbers[2]); }
  double probability(std::int64_t i) const { return numbers[static_cast<std::size_t>(fixed_numbers + i)]; }
};

Row row(std::span<const double> records, std::int64_t width, std::int64_t i) {
  return {records.subspan(static_cast<std::size_t>(i * width), static_cast<std::size_t>(width))};
}

// The samples by probability number `kept`, and whether they are of its class.
std::vector<Scored> scored_by(std::span<const double> records, std::int64_t classes, std::int64_t kept) {
  const std::int64_t width = classification_width(classes), samples = std::ssize(records) / width;
  std::vector<Scored> scored;
  for (std::int64_t i = 0; i < samples; ++i) {
    const Row one = row(records, width, i);
    scored.push_back({one.probability(kept), one.label() == (classes == 2 ? 1 : kept)});
  }
  return scored;
}

// One class against the rest; the mean over the classes that have both.
double mean_auc(std::span<const double> records, std::int64_t classes) {
  double sum = 0.0;
  std::int64_t defined = 0;
  for (std::int64_t c = 0; c < probabilities(classes); ++c) {
    const double area = auc(scored_by(records, classes, c));
    if (std::isnan(area)) continue;
    sum += area;
    ++defined;
  }
  return defined == 0 ? std::nan("") : sum / static_cast<double>(defined);
}

}  // namespace

std::int64_t classification_width(std::int64_t classes) {
  return fixed_numbers + probabilities(classes);
}

void add_classified(std::vector<double>& records, std::span<const float> logits, std::span<const std::int32_t> labels,
                    std::int64_t classes) {
  require(std::ssize(logits) == std::ssize(labels) * classes, "metrics", "expected", std::ssize(labels) * classes,
          "logits, found", logits.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto scores = logits.subspan(i * static_cast<std::size_t>(classes), static_cast<std::size_t>(classes));
    const std::int64_t label = labels[i];
    require(label >= 0 && label < classes, "metrics", "expected labels below", classes, "found", label);
    const auto best = std::max_element(scores.begin(), scores.end());  // the first of equals, as Kernels::argmax
    const float own = scores[static_cast<std::size_t>(label)];
    std::int64_t place = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
      const float other = scores[static_cast<std::size_t>(c)];
      // A score that is no number is never before another, and no other is behind it.
      place += c != label && !(other < own) && (other != own || c < label);
    }
    records.insert(records.end(), {static_cast<double>(label), static_cast<double>(best - scores.begin()),
                                   static_cast<double>(place)});
    const std::int64_t kept = probabilities(classes);
    double total = 0.0;
    for (const float score : scores) total += std::exp(static_cast<double>(score) - *best);
    for (std::int64_t c = 0; c < kept; ++c) {
      const float score = scores[static_cast<std::size_t>(classes == 2 ? 1 : c)];
      records.push_back(std::exp(static_cast<double>(score) - *best) / total);
    }
  }
}

Measures classification_measures(std::span<const double> records, std::int64_t classes) {
  const std::int64_t width = classification_width(classes), samples = std::ssize(records) / width;
  Confusion confusion(classes);
  std::int64_t near = 0;
  for (std::int64_t i = 0; i < samples; ++i) {
    const Row one = row(records, width, i);
    confusion.add(one.label(), one.answer());
    near += one.place() < top_classes;
  }
  Measures measures;
  measures.add("accuracy", confusion.accuracy());
  if (classes > top_classes)
    measures.add("top5_accuracy", static_cast<double>(near) / static_cast<double>(std::max<std::int64_t>(1, samples)));
  measures.add("precision_macro", confusion.mean(&Confusion::precision));
  measures.add("recall_macro", confusion.mean(&Confusion::recall));
  measures.add("f1_macro", confusion.mean(&Confusion::f1));
  // With one answer to every sample, what is one class's false alarm is another's miss: precision, recall and F1 of all
  // classes together are the accuracy.
  measures.add("f1_micro", confusion.accuracy());
  if (classes == 2) {
    measures.add("precision", confusion.precision(1));
    measures.add("recall", confusion.recall(1));
    measures.add("f1", confusion.f1(1));
    measures.roc = roc_curve(scored_by(records, classes, 0));
  }
  if (probabilities(classes) > 0) measures.add("auc", mean_auc(records, classes));
  measures.classes = classes;
  measures.confusion = std::move(confusion).take();
  return measures;
}

}  // namespace trireme::metrics
