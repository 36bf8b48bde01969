// In which order samples are visited: a function of the running number of a sample, without a table.
#pragma once

#include <cstdint>

namespace trireme::data {

enum class OrderKind : std::uint8_t { sequential, shuffled };

class Order {
 public:
  struct Place {
    std::int64_t epoch = 0;
    std::int64_t sample = 0;  // in [0, samples)
  };

  // `samples` of at least one per epoch. Shuffled: every epoch is another permutation, drawn from (seed, epoch).
  Order(OrderKind kind, std::int64_t samples, std::uint64_t seed);

  // The sample with running number `number` since the start of the run.
  Place at(std::int64_t number) const;

 private:
  std::uint64_t permuted(std::int64_t epoch, std::uint64_t sample) const;

  OrderKind kind_;
  std::int64_t samples_;
  std::uint64_t seed_;
  int left_bits_ = 0;
  int right_bits_ = 0;
};

}  // namespace trireme::data
