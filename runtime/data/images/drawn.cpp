#include "runtime/data/images/drawn.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "runtime/base/error.h"
#include "runtime/base/philox.h"
#include "runtime/data/images/glyphs.h"

namespace trireme::data {
namespace {

constexpr std::uint64_t words_per_picture = std::uint64_t{1} << 24;

// Numbers drawn one after the other for one picture.
class Pencil {
 public:
  Pencil(std::uint64_t seed, std::int64_t picture)
      : key_{seed, hash_name("drawn pictures")}, next_(static_cast<std::uint64_t>(picture) * words_per_picture) {}

  float between(float low, float high) { return low + (high - low) * unit_float(random_word(key_, next_++)); }
  std::int64_t below(std::int64_t count) {
    return static_cast<std::int64_t>((std::uint64_t{random_word(key_, next_++)} * static_cast<std::uint64_t>(count)) >>
                                     32);
  }

 private:
  RandomKey key_;
  std::uint64_t next_;
};

std::uint8_t byte_of(float value) {
  return static_cast<std::uint8_t>(std::lround(255.0f * std::clamp(value, 0.0f, 1.0f)));
}

float distance(const Stroke& s, float y, float x) {
  const float dy = s.y1 - s.y0, dx = s.x1 - s.x0, length = dy * dy + dx * dx;
  const float t = length > 0.0f ? std::clamp(((y - s.y0) * dy + (x - s.x0) * dx) / length, 0.0f, 1.0f) : 0.0f;
  return std::hypot(y - s.y0 - t * dy, x - s.x0 - t * dx);
}

// White strokes on black, turned, slanted, stretched and shifted.
void draw_glyph(char glyph, const DrawnOptions& options, Pencil& pencil, std::uint8_t* out) {
  const auto size = static_cast<float>(options.size);
  const float angle = pencil.between(-options.rotate, options.rotate) * std::numbers::pi_v<float> / 180.0f;
  const float slant = pencil.between(-0.2f, 0.2f);
  const float height = size * pencil.between(0.58f, 0.78f), width = height * pencil.between(0.8f, 1.15f);
  const float middle_y = 0.5f * (size - 1.0f) + pencil.between(-options.shift, options.shift);
  const float middle_x = 0.5f * (size - 1.0f) + pencil.between(-options.shift, options.shift);
  const float pen = size * pencil.between(0.025f, 0.06f), ink = pencil.between(0.75f, 1.0f);
  const float cosine = std::cos(angle), sine = std::sin(angle);
  const auto place = [&](float& y, float& x) {
    const float v = (y - 0.5f) * height, u = (x - 1.0f / 3.0f) * width - slant * v;
    y = middle_y + cosine * v + sine * u;
    x = middle_x - sine * v + cosine * u;
  };
  std::vector<Stroke> strokes = strokes_of(glyph);
  for (Stroke& s : strokes) {
    place(s.y0, s.x0);
    place(s.y1, s.x1);
  }
  for (std::int64_t y = 0; y < options.size; ++y)
    for (std::int64_t x = 0; x < options.size; ++x) {
      float nearest = size;
      for (const Stroke& s : strokes)
        nearest = std::min(nearest, distance(s, static_cast<float>(y), static_cast<float>(x)));
      const float covered = std::clamp(pen + 0.5f - nearest, 0.0f, 1.0f);
      const float noise = options.noise > 0.0f ? pencil.between(-options.noise, options.noise) : 0.0f;
      *out++ = byte_of(ink * covered + noise);
    }
}

// A disc, a square or a triangle.
struct Figure {
  std::int64_t kind;  // 1 to 3
  float y, x, radius, cosine, sine;

  bool covers(float py, float px) const {
    const float dy = py - y, dx = px - x;
    const float v = cosine * dy - sine * dx, u = sine * dy + cosine * dx;
    if (kind == 1) return u * u + v * v <= radius * radius;
    if (kind == 2) return std::max(std::abs(u), std::abs(v)) <= 0.85f * radius;
    return v <= 0.6f * radius && 1.732f * std::abs(u) <= v + 1.2f * radius;
  }
};

using Colour = std::array<float, 3>;

Colour colour(Pencil& pencil) {
  return {pencil.between(0.0f, 1.0f), pencil.between(0.0f, 1.0f), pencil.between(0.0f, 1.0f)};
}

// One to three figures of any colours on a background that shades from one colour to another; later ones cover
// earlier ones.
void draw_shapes(const DrawnOptions& options, Pencil& pencil, std::uint8_t* out, std::uint8_t* mask) {
  const auto size = static_cast<float>(options.size);
  const Colour from = colour(pencil), to = colour(pencil);
  std::vector<Figure> figures;
  std::vector<Colour> colours;
  for (std::int64_t left = 1 + pencil.below(3); left > 0; --left) {
    const float radius = size * pencil.between(0.14f, 0.26f), angle = pencil.between(0.0f, 6.2831853f);
    figures.push_back({1 + pencil.below(3), pencil.between(radius, size - radius),
                       pencil.between(radius, size - radius), radius, std::cos(angle), std::sin(angle)});
    colours.push_back(colour(pencil));
  }
  for (std::int64_t y = 0; y < options.size; ++y)
    for (std::int64_t x = 0; x < options.size; ++x) {
      const auto py = static_cast<float>(y), px = static_cast<float>(x);
      const float shade = (py + px) / (2.0f * size);
      Colour pixel{};
      for (std::size_t c = 0; c < 3; ++c) pixel[c] = 0.5f * (from[c] + shade * (to[c] - from[c]));
      std::uint8_t kind = 0;
      for (std::size_t i = 0; i < figures.size(); ++i)
        if (figures[i].covers(py, px)) {
          kind = static_cast<std::uint8_t>(figures[i].kind);
          for (std::size_t c = 0; c < 3; ++c) pixel[c] = 0.5f + 0.5f * colours[i][c];
        }
      for (const float value : pixel)
        *out++ = byte_of(value + (options.noise > 0.0f ? pencil.between(-options.noise, options.noise) : 0.0f));
      *mask++ = kind;
    }
}

}  // namespace

std::int64_t classes_of(Drawing drawing) {
  return drawing == Drawing::digits ? 10 : drawing == Drawing::letters ? 26 : 4;
}

std::shared_ptr<const ImageSet> draw(const DrawnOptions& options) {
  constexpr std::int64_t most_bytes = std::int64_t{4} << 30;
  require(options.samples >= 1 && options.size >= 8 && options.size <= 1024, "data",
          "expected at least one picture of 8 to 1024 pixels, found", options.samples, "of", options.size);
  const bool shapes = options.drawing == Drawing::shapes;
  const ImageShape shape{options.size, options.size, shapes ? 3 : 1};
  if (options.samples > most_bytes / shape.numbers())
    fail("data", "expected drawn pictures of at most", most_bytes, "bytes together, found", options.samples, "of",
         shape);
  MemoryImages::Contents contents{.shape = shape, .images = {}, .labels = {}, .masks = {}, .origin = "drawn pictures"};
  contents.images.resize(static_cast<std::size_t>(options.samples * shape.numbers()));
  if (shapes) contents.masks.resize(static_cast<std::size_t>(options.samples * shape.pixels()));
  if (shapes) contents.names = {"background", "disc", "square", "triangle"};
  const std::string_view glyphs = options.drawing == Drawing::letters ? letters : digits;
  if (!shapes)
    for (const char glyph : glyphs) contents.names.emplace_back(1, glyph);
  for (std::int64_t i = 0; i < options.samples; ++i) {
    Pencil pencil(options.seed, i);
    std::uint8_t* out = contents.images.data() + i * shape.numbers();
    if (shapes) {
      draw_shapes(options, pencil, out, contents.masks.data() + i * shape.pixels());
      continue;
    }
    const std::int64_t label = pencil.below(std::ssize(glyphs));
    contents.labels.push_back(static_cast<std::int32_t>(label));
    draw_glyph(glyphs[static_cast<std::size_t>(label)], options, pencil, out);
  }
  return std::make_shared<MemoryImages>(std::move(contents));
}

}  // namespace trireme::data
