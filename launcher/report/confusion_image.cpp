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

}  // namespace trireme::launcher
