#include "runtime/data/images/image_set.h"

#include <algorithm>
#include <utility>

#include "runtime/base/error.h"

namespace trireme::data {

void check_labels(const ImageSet& set, std::int64_t classes) {
  const std::span<const std::int32_t> labels = set.labels();
  for (std::int64_t i = 0; i < std::ssize(labels); ++i)
    if (const std::int32_t label = labels[static_cast<std::size_t>(i)]; label < 0 || label >= classes)
      fail("data", set.place(i) + ": expected a label below", classes, "found", label,
           "- has the model as many classes as the data?");
}

MemoryImages::MemoryImages(Contents contents) : contents_(std::move(contents)) {
  const std::int64_t numbers = contents_.shape.numbers(), pixels = contents_.shape.pixels();
  require(numbers > 0, "data", contents_.origin + ": expected pictures, found", contents_.shape);
  size_ = std::ssize(contents_.images) / numbers;
  const bool labelled = std::ssize(contents_.labels) == size_, masked = std::ssize(contents_.masks) == size_ * pixels;
  require(size_ > 0 && std::ssize(contents_.images) == size_ * numbers && (labelled || masked), "data",
          contents_.origin + ": expected a label or a mask for each of", size_, "pictures");
}

std::string MemoryImages::place(std::int64_t number) const {
  return contents_.origin + ": record " + std::to_string(number);
}

void MemoryImages::read(std::int64_t number, std::uint8_t* image, std::uint8_t* mask) const {
  const std::int64_t numbers = contents_.shape.numbers(), pixels = contents_.shape.pixels();
  std::copy_n(contents_.images.begin() + number * numbers, numbers, image);
  if (mask && !contents_.masks.empty()) std::copy_n(contents_.masks.begin() + number * pixels, pixels, mask);
}

}  // namespace trireme::data
