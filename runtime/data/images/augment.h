// Changes of pictures that leave their meaning as it is, drawn from counters: what happens to a sample in an epoch does
// not depend on who reads it, or how many do.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/philox.h"
#include "runtime/data/images/image.h"

namespace trireme::data {

struct Augment {
  std::int64_t pad = 0;     // pixels: black is added all round, and a picture of the old size cut out at random
  bool flip = false;        // left and right are swapped in half of the cases
  float rotate = 0.0f;      // degrees, either way, at most
  float scale = 0.0f;       // the size changes by at most this part of it, either way
  float brightness = 0.0f;  // factors of brightness, contrast and saturation are 1 + at most this, either way
  float contrast = 0.0f;
  float saturation = 0.0f;
  std::int64_t cut_out = 0;  // side of a square that is blanked (DeVries & Taylor 2017)
  float mix_up = 0.0f;       // alpha of the Beta distribution of the share of a second picture (Zhang et al. 2018)

  bool moves() const { return pad > 0 || flip || rotate > 0.0f || scale > 0.0f; }
  bool colours() const { return brightness > 0.0f || contrast > 0.0f || saturation > 0.0f; }
};

// Numbers drawn one after the other for one sample of one epoch.
class Draws {
 public:
  Draws(std::uint64_t seed, std::int64_t epoch, std::int64_t sample);

  float unit() { return unit_float(word()); }  // [0, 1)
  float either_way(float most) { return most * (2.0f * unit() - 1.0f); }
  std::int64_t below(std::int64_t count);  // [0, count)
  // From the Beta distribution with both parameters `alpha`, in (0, 1] (Johnk 1964).
  float beta(float alpha);

 private:
  std::uint32_t word();

  RandomKey key_;
  std::uint64_t next_;
};

// Where the pixels of a picture come from: a movement of the plane, drawn once for a picture and its mask.
class Movement {
 public:
  Movement(const Augment& augment, const ImageShape& shape, Draws& draws);

  // `to` and `from`: pictures of the shape, channels values each, 0 outside. Between pixels of the picture, the mean of
  // the four around by distance; of a mask, the nearest.
  void picture(float* to, const float* from) const;
  void mask(std::uint8_t* to, const std::uint8_t* from) const;

 private:
  struct Place {
    float y, x;
  };
  Place from(std::int64_t y, std::int64_t x) const;

  ImageShape shape_;
  bool flip_ = false;
  float shift_y_ = 0.0f, shift_x_ = 0.0f;
  float cosine_ = 1.0f, sine_ = 0.0f;  // of the rotation, divided by the scale
};

// Brightness, contrast, saturation of values in [0, 1].
void change_colours(const Augment& augment, const ImageShape& shape, Draws& draws, float* values);
// `blank`: one value per channel.
void cut_out(const Augment& augment, const ImageShape& shape, Draws& draws, const std::vector<float>& blank,
             float* values);

}  // namespace trireme::data
