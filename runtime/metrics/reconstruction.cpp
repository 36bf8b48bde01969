#include "runtime/metrics/reconstruction.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/error.h"
#include "runtime/metrics/ranking.h"

namespace trireme::metrics {
namespace {

// -t log sigmoid(x) - (1 - t) log(1 - sigmoid(x))
double cross_entropy(double x, double t) {
  return std::max(x, 0.0) - x * t + std::log1p(std::exp(-std::abs(x)));
}

}  // namespace

void add_reconstructed(std::vector<double>& records, const Reconstructed& found) {
  require(found.samples > 0 && found.logits.size() == found.images.size() &&
              found.means.size() == found.deviations.size() && std::ssize(found.logits) % found.samples == 0 &&
              std::ssize(found.means) % found.samples == 0 &&
              (found.labels.empty() || std::ssize(found.labels) == found.samples),
          "reconstruction", "expected as many numbers for each of", found.samples, "samples");
  const std::size_t pixels = found.logits.size() / static_cast<std::size_t>(found.samples);
  const std::size_t numbers = found.means.size() / static_cast<std::size_t>(found.samples);
  for (std::size_t i = 0; i < static_cast<std::size_t>(found.samples); ++i) {
    double loss = 0.0, divergence = 0.0;
    for (std::size_t p = i * pixels; p < (i + 1) * pixels; ++p)
      loss += cross_entropy(double{found.logits[p]}, double{found.images[p]});
    for (std::size_t n = i * numbers; n < (i + 1) * numbers; ++n) {
      const double m = found.means[n], s = found.deviations[n];
      divergence += 0.5 * (m * m + s * s - 1.0) - std::log(s);
    }
    const bool anomaly = !found.labels.empty() && found.labels[i] == found.anomalous;
    records.insert(records.end(), {loss, divergence, anomaly ? 1.0 : 0.0});
  }
}

Measures reconstruction_measures(std::span<const double> records, bool variational, bool anomalies) {
  Measures measures;
  double loss = 0.0, divergence = 0.0;
  std::vector<Scored> scored;
  for (std::size_t i = 0; i + reconstruction_width <= records.size(); i += reconstruction_width) {
    loss += records[i];
    divergence += records[i + 1];
    scored.push_back({.score = records[i] + records[i + 1], .positive = records[i + 2] > 0.0});
  }
  const auto samples = static_cast<double>(scored.size());
  if (anomalies) {
    measures.add("auc", auc(scored));
    measures.roc = roc_curve(scored);
  }
  if (variational) measures.add("elbo", -(loss + divergence) / samples);
  measures.add("reconstruction", loss / samples);
  if (variational) measures.add("divergence", divergence / samples);
  return measures;
}

}  // namespace trireme::metrics
