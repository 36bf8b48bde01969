#include "runtime/data/order.h"

#include <bit>

#include "runtime/base/error.h"
#include "runtime/base/philox.h"

namespace trireme::data {

Order::Order(OrderKind kind, std::int64_t samples, std::uint64_t seed) : kind_(kind), samples_(samples), seed_(seed) {
  require(samples >= 1, "data", "expected at least one sample, found", samples);
  const auto bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(samples - 1)));
  left_bits_ = bits / 2;
  right_bits_ = bits - left_bits_;
}

Order::Place Order::at(std::int64_t number) const {
  require(number >= 0, "data", "expected a sample number of zero or more, found", number);
  const std::int64_t epoch = number / samples_;
  const std::int64_t sample = number % samples_;
  if (kind_ == OrderKind::sequential) return {epoch, sample};
  return {epoch, static_cast<std::int64_t>(permuted(epoch, static_cast<std::uint64_t>(sample)))};
}

// A Feistel network over the smallest power of two that holds all samples, walked until it lands on one of them
// (Black & Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002): fewer than two turns on average.
std::uint64_t Order::permuted(std::int64_t epoch, std::uint64_t sample) const {
  const RandomKey key{seed_, hash_name("order") + static_cast<std::uint64_t>(epoch)};
  const std::uint64_t left_mask = (std::uint64_t{1} << left_bits_) - 1;
  const std::uint64_t right_mask = (std::uint64_t{1} << right_bits_) - 1;
  do {
    std::uint64_t left = sample >> right_bits_;
    std::uint64_t right = sample & right_mask;
    for (std::uint64_t round = 0; round < 8; round += 2) {
      left = (left ^ philox(key, (right << 3) | round)[0]) & left_mask;
      right = (right ^ philox(key, (left << 3) | (round + 1))[0]) & right_mask;
    }
    sample = (left << right_bits_) | right;
  } while (sample >= static_cast<std::uint64_t>(samples_));
  return sample;
}

}  // namespace trireme::data
