#include "launcher/report/confusion_image.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "runtime/base/error.h"

namespace trireme::launcher {
namespace {

using Colour = std::array<double, 3>;

constexpr std::int64_t about = 512;  // pixels of a side
constexpr Colour white{255, 255, 255}, blue{8, 48, 107}, red{165, 15, 21};

void fill(data::Image& image, std::int64_t top, std::int64_t left, std::int64_t side, const Colour& colour) {
  for (std::int64_t y = top; y < top + side; ++y)
    for (std::int64_t x = left; x < left + side; ++x)
      for (std::size_t c = 0; c < 3; ++c)
        image.at(y, x, static_cast<std::int64_t>(c)) = static_cast<std::uint8_t>(std::lround(colour[c]));
}

void dot(data::Image& image, double right, double up, const Colour& colour) {
  const std::int64_t last = image.shape.height - 1;
  const auto x = static_cast<std::int64_t>(std::lround(right * static_cast<double>(last)));
  const auto y = last - static_cast<std::int64_t>(std::lround(up * static_cast<double>(last)));
  fill(image, std::min(y, last - 1), std::min(x, last - 1), 2, colour);
}

}  // namespace

data::Image draw_confusion(const metrics::Measures& measures) {
  const std::int64_t classes = measures.classes;
  require(classes > 0 && std::ssize(measures.confusion) == classes * classes, "report", "expected a confusion matrix");
  const std::int64_t side = std::clamp<std::int64_t>(about / classes, 1, 32), gap = side > 3 ? 1 : 0;
  const std::int64_t size = classes * (side + gap) + gap;
  data::Image image({size, size, 3}, 200);
  for (std::int64_t truth = 0; truth < classes; ++truth) {
    const auto row = measures.confusion.begin() + truth * classes;
    const auto total =
        static_cast<double>(std::max<std::int64_t>(1, std::accumulate(row, row + classes, std::int64_t{0})));
    for (std::int64_t answer = 0; answer < classes; ++answer) {
      const double share = static_cast<double>(row[answer]) / total;
      const Colour& full = truth == answer ? blue : red;
      Colour colour{};
      // The square root, so that a few errors among many samples are seen.
      for (std::size_t c = 0; c < 3; ++c) colour[c] = white[c] + std::sqrt(share) * (full[c] - white[c]);
      fill(image, gap + truth * (side + gap), gap + answer * (side + gap), side, colour);
    }
  }
  return image;
}

data::Image draw_roc(const metrics::Measures& measures) {
  require(measures.roc.size() >= 2, "report", "expected a ROC curve");
  constexpr std::int64_t size = 256;
  constexpr Colour grey{200, 200, 200};
  data::Image image({size, size, 3}, 255);
  const auto steps = [](std::int64_t i) { return static_cast<double>(i) / static_cast<double>(size); };
  for (std::int64_t i = 0; i <= size; ++i) dot(image, steps(i), steps(i), grey);
  for (std::size_t p = 1; p < measures.roc.size(); ++p) {
    const metrics::RocPoint &a = measures.roc[p - 1], &b = measures.roc[p];
    for (std::int64_t i = 0; i <= size; ++i)
      dot(image, std::lerp(a.false_positives, b.false_positives, steps(i)),
          std::lerp(a.true_positives, b.true_positives, steps(i)), blue);
  }
  return image;
}

}  // namespace trireme::launcher
