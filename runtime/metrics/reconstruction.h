// Measures of images that an autoencoder has put together again.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/metrics/measures.h"

namespace trireme::metrics {

inline constexpr std::int64_t reconstruction_width = 3;  // numbers in the record of a sample

struct Reconstructed {
  std::vector<float> logits, images;     // as many for each sample; images in [0, 1]
  std::vector<float> means, deviations;  // of codes that are distributions, likewise; otherwise empty
  std::vector<std::int32_t> labels;      // or empty
  std::int64_t samples = 0;
  std::int32_t anomalous = -1;  // the label of an anomaly
};

// Appends the records of samples: the cross entropy of the pixels and the divergence of the code from the normal
// distribution, in nats, and whether it is an anomaly.
void add_reconstructed(std::vector<double>& records, const Reconstructed& found);

// reconstruction; with codes that are distributions divergence and elbo, the evidence lower bound; with anomalies auc,
// of the loss as a score.
Measures reconstruction_measures(std::span<const double> records, bool variational, bool anomalies);

}  // namespace trireme::metrics
