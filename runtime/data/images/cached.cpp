#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include "runtime/data/images/folder.h"

namespace trireme::data {
namespace {

class Cached : public ImageSet {
 public:
  Cached(std::shared_ptr<const ImageSet> set, std::int64_t most_bytes)
      : set_(std::move(set)), left_(most_bytes), kept_(static_cast<std::size_t>(set_->size())) {}

  ImageShape shape() const override { return set_->shape(); }
  std::int64_t size() const override { return set_->size(); }
  std::span<const std::int32_t> labels() const override { return set_->labels(); }
  std::vector<std::string> class_names() const override { return set_->class_names(); }
  std::string place(std::int64_t number) const override { return set_->place(number); }

  void read(std::int64_t number, std::uint8_t* image, std::uint8_t* mask) const override {
    const bool masked = set_->labels().empty();
    const std::int64_t numbers = shape().numbers(), pixels = masked ? shape().pixels() : 0;
    std::vector<std::uint8_t>& mine = kept_[static_cast<std::size_t>(number)];
    std::mutex& guard = guards_[static_cast<std::size_t>(number) % guards_.size()];
    {
      const std::lock_guard lock(guard);
      if (!mine.empty()) {
        std::copy_n(mine.begin(), numbers, image);
        if (mask) std::copy_n(mine.begin() + numbers, pixels, mask);
        return;
      }
    }
    std::vector<std::uint8_t> both(static_cast<std::size_t>(numbers + pixels));
    set_->read(number, both.data(), masked ? both.data() + numbers : nullptr);
    std::copy_n(both.begin(), numbers, image);
    if (mask) std::copy_n(both.begin() + numbers, pixels, mask);
    if (left_.fetch_sub(numbers + pixels) < numbers + pixels) {
      left_.fetch_add(numbers + pixels);
      return;
    }
    const std::lock_guard lock(guard);
    mine = std::move(both);
  }

 private:
  std::shared_ptr<const ImageSet> set_;
  mutable std::atomic<std::int64_t> left_;  // bytes
  mutable std::array<std::mutex, 64> guards_;
  mutable std::vector<std::vector<std::uint8_t>> kept_;  // a picture and its mask; empty: not yet
};

}  // namespace

std::shared_ptr<const ImageSet> cached(std::shared_ptr<const ImageSet> set, std::int64_t most_bytes) {
  return std::make_shared<Cached>(std::move(set), most_bytes);
}

}  // namespace trireme::data
