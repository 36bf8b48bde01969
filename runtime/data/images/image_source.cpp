#include "runtime/data/images/image_source.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "runtime/base/error.h"

namespace trireme::data {
namespace {

constexpr float largest = 255.0f;

void check(const ImageSet& set, const ImageOptions& options) {
  const ImageShape shape = set.shape();
  const Normalisation& n = options.normalisation;
  require(n.mean.size() == n.deviation.size() && (n.mean.empty() || std::ssize(n.mean) == shape.channels), "data",
          "expected a mean and a deviation for each of", shape.channels, "channels, found", n.mean.size(), "and",
          n.deviation.size());
  for (const float deviation : n.deviation)
    require(deviation > 0.0f, "data", "expected deviations above zero, found", deviation);
  const Augment& a = options.augment;
  require(a.pad >= 0 && a.cut_out >= 0 && a.rotate >= 0.0f && a.scale >= 0.0f && a.scale < 1.0f, "data",
          "expected an augmentation of zero or more, and a scale below 1");
  if (a.mix_up == 0.0f) return;
  require(a.mix_up > 0.0f && a.mix_up <= 1.0f, "data", "expected an alpha of mix-up from above 0 to 1, found",
          a.mix_up);
  require(!set.labels().empty(), "data", "pictures with masks cannot be mixed up");
  require(!options.mix_with.empty(), "data", "expected pictures to mix with");
  check_labels(set, options.classes);
}

}  // namespace

Normalisation measure(const ImageSet& set, std::span<const std::int64_t> chosen) {
  const auto channels = static_cast<std::size_t>(set.shape().channels);
  // Sums of whole numbers: exact, in any order.
  std::vector<std::int64_t> sums(channels, 0), squares(channels, 0);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(set.shape().numbers()));
  for (const std::int64_t number : chosen) {
    set.read(number, bytes.data(), nullptr);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::int64_t value = bytes[i];
      sums[i % channels] += value;
      squares[i % channels] += value * value;
    }
  }
  const double count = static_cast<double>(chosen.size()) * static_cast<double>(set.shape().pixels());
  Normalisation found;
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = static_cast<double>(sums[c]) / count;
    const double variance = std::max(0.0, static_cast<double>(squares[c]) / count - mean * mean);
    found.mean.push_back(static_cast<float>(mean / double{largest}));
    found.deviation.push_back(variance > 0.0 ? static_cast<float>(std::sqrt(variance) / double{largest}) : 1.0f);
  }
  return found;
}

ImageSource::ImageSource(std::shared_ptr<const ImageSet> set, ImageOptions options)
    : set_(std::move(set)), options_(std::move(options)) {
  check(*set_, options_);
  const ImageShape shape = set_->shape();
  fields_.push_back({"images", DType::f32, Shape{shape.height, shape.width, shape.channels}});
  if (set_->labels().empty())
    fields_.push_back({"masks", DType::i32, Shape{shape.height, shape.width}});
  else
    fields_.push_back({"labels", DType::i32, Shape{}});
  if (options_.augment.mix_up > 0.0f) fields_.push_back({"targets", DType::f32, Shape{options_.classes}});
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    const Normalisation& n = options_.normalisation;
    scale_.push_back(n.deviation.empty() ? 1.0f : 1.0f / n.deviation[channel]);
    shift_.push_back(n.mean.empty() ? 0.0f : n.mean[channel]);
  }
}

// Picture `number` moved, coloured, normalised and cut.
void ImageSource::picture(std::int64_t number, Draws& draws, std::vector<float>& values,
                          std::vector<std::uint8_t>* mask) const {
  const ImageShape shape = set_->shape();
  const Augment& augment = options_.augment;
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(shape.numbers()));
  set_->read(number, bytes.data(), mask ? mask->data() : nullptr);
  values.resize(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) values[i] = static_cast<float>(bytes[i]) / largest;
  if (augment.moves()) {
    const Movement movement(augment, shape, draws);
    const std::vector<float> still = values;
    movement.picture(values.data(), still.data());
    if (mask) {
      const std::vector<std::uint8_t> at_rest = *mask;
      movement.mask(mask->data(), at_rest.data());
    }
  }
  if (augment.colours()) change_colours(augment, shape, draws, values.data());
  const auto channels = static_cast<std::size_t>(shape.channels);
  if (!options_.normalisation.mean.empty())
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = (values[i] - shift_[i % channels]) * scale_[i % channels];
  // What is cut out looks like the mean of all pictures.
  if (augment.cut_out > 0) cut_out(augment, shape, draws, std::vector<float>(channels, 0.0f), values.data());
}

// The second picture is augmented with draws that follow those of the first.
void ImageSource::mix(std::int64_t sample, Draws& draws, std::vector<float>& values, std::byte* targets) const {
  const auto& partners = options_.mix_with;
  const std::int64_t other = partners[static_cast<std::size_t>(draws.below(std::ssize(partners)))];
  const float share = draws.beta(options_.augment.mix_up);
  std::vector<float> second;
  picture(other, draws, second, nullptr);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = share * values[i] + (1.0f - share) * second[i];
  std::vector<float> shares(static_cast<std::size_t>(options_.classes), 0.0f);
  shares[static_cast<std::size_t>(set_->labels()[static_cast<std::size_t>(sample)])] += share;
  shares[static_cast<std::size_t>(set_->labels()[static_cast<std::size_t>(other)])] += 1.0f - share;
  std::memcpy(targets, shares.data(), shares.size() * sizeof(float));
}

void ImageSource::read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const {
  Draws draws(options_.seed, epoch, sample);
  std::vector<float> values;
  const std::span<const std::int32_t> labels = set_->labels();
  std::vector<std::uint8_t> mask(labels.empty() ? static_cast<std::size_t>(set_->shape().pixels()) : 0);
  picture(sample, draws, values, labels.empty() ? &mask : nullptr);
  if (options_.augment.mix_up > 0.0f) mix(sample, draws, values, rows[2]);
  std::memcpy(rows[0], values.data(), values.size() * sizeof(float));
  if (labels.empty()) {
    const std::vector<std::int32_t> classes(mask.begin(), mask.end());
    std::memcpy(rows[1], classes.data(), classes.size() * sizeof(std::int32_t));
  } else {
    std::memcpy(rows[1], &labels[static_cast<std::size_t>(sample)], sizeof(std::int32_t));
  }
}

}  // namespace trireme::data
