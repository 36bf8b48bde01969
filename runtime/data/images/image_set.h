// Pictures of one size, each with a class or with a mask that gives the class of each pixel.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/data/images/image.h"

namespace trireme::data {

class ImageSet {
 public:
  virtual ~ImageSet() = default;

  virtual ImageShape shape() const = 0;
  virtual std::int64_t size() const = 0;
  // One per picture, from 0 on; empty where there are masks.
  virtual std::span<const std::int32_t> labels() const = 0;
  // Names of the classes, where they have names.
  virtual std::vector<std::string> class_names() const { return {}; }
  // Where picture `number` comes from, for messages: "train-images: record 7".
  virtual std::string place(std::int64_t number) const = 0;
  // shape().numbers() bytes and, where there are masks, the class of each pixel (null where there are none, or none is
  // wanted). Safe from several threads.
  virtual void read(std::int64_t number, std::uint8_t* image, std::uint8_t* mask) const = 0;
};

// An Error with the place of the first picture whose label is not in [0, classes).
void check_labels(const ImageSet& set, std::int64_t classes);

// Pictures, and masks where there are any, in memory.
class MemoryImages : public ImageSet {
 public:
  struct Contents {
    ImageShape shape;
    std::vector<std::uint8_t> images;  // one after the other
    std::vector<std::int32_t> labels;
    std::vector<std::uint8_t> masks;  // likewise, instead of labels
    std::vector<std::string> names = {};
    std::string origin;  // what place() begins with
  };
  explicit MemoryImages(Contents contents);

  ImageShape shape() const override { return contents_.shape; }
  std::int64_t size() const override { return size_; }
  std::span<const std::int32_t> labels() const override { return contents_.labels; }
  std::vector<std::string> class_names() const override { return contents_.names; }
  std::string place(std::int64_t number) const override;
  void read(std::int64_t number, std::uint8_t* image, std::uint8_t* mask) const override;

 private:
  Contents contents_;
  std::int64_t size_ = 0;
};

}  // namespace trireme::data
