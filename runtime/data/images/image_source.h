// Pictures as samples: numbers instead of bytes, normalised, augmented.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/data/images/augment.h"
#include "runtime/data/images/image_set.h"
#include "runtime/data/source.h"

namespace trireme::data {

// A value v in [0, 1] becomes (v - mean) / deviation, by channel. Empty: it stays.
struct Normalisation {
  std::vector<float> mean, deviation;
};

// Of the pictures `chosen`, over all pixels. A channel that does not vary gets a deviation of 1.
Normalisation measure(const ImageSet& set, std::span<const std::int64_t> chosen);

struct ImageOptions {
  Normalisation normalisation = {};
  Augment augment = {};
  std::uint64_t seed = 0;  // of the augmentation
  // For mix-up: how many classes there are, and the pictures from which the second one is chosen.
  std::int64_t classes = 0;
  std::vector<std::int64_t> mix_with = {};
};

// "images" (H, W, C) f32, and "labels" () i32 or, where the set has masks, "masks" (H, W) i32. With mix-up also
// "targets" (classes) f32, the shares of the classes; "labels" is that of the first picture.
class ImageSource : public Source {
 public:
  ImageSource(std::shared_ptr<const ImageSet> set, ImageOptions options);

  std::span<const Field> fields() const override { return fields_; }
  std::int64_t samples() const override { return set_->size(); }
  void read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const override;

 private:
  void picture(std::int64_t number, Draws& draws, std::vector<float>& values, std::vector<std::uint8_t>* mask) const;
  void mix(std::int64_t sample, Draws& draws, std::vector<float>& values, std::byte* targets) const;

  std::shared_ptr<const ImageSet> set_;
  ImageOptions options_;
  std::vector<Field> fields_;
  std::vector<float> scale_, shift_;  // by channel, of a byte's value
};

}  // namespace trireme::data
