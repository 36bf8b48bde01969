// Sources and streams whose contents tell where they come from.
#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/data/loader.h"
#include "runtime/data/source.h"
#include "runtime/data/token_stream.h"

namespace trireme::data {

// Token i is i, for vocabularies of more than 65536.
inline std::shared_ptr<const TokenStream> counting_stream(std::int64_t size, std::int64_t vocabulary = 1 << 20) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(size));
  std::iota(ids.begin(), ids.end(), 0);
  return memory_tokens("numbers", ids, vocabulary);
}

// Sample i of epoch e is the pair (e, i).
class Numbers : public Source {
 public:
  explicit Numbers(std::int64_t samples) : samples_(samples) {}

  std::span<const Field> fields() const override { return fields_; }
  std::int64_t samples() const override { return samples_; }
  void read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const override {
    while (stuck) std::this_thread::yield();
    if (++reads_ > fail_after) fail("numbers", "sample", sample, "is broken");
    const std::int64_t pair[2]{epoch, sample};
    std::memcpy(rows[0], pair, sizeof pair);
  }

  std::int64_t reads() const { return reads_; }
  std::atomic<bool> stuck = false;  // reading does not return while this is set
  std::int64_t fail_after = std::int64_t{1} << 60;

 private:
  std::int64_t samples_;
  std::vector<Field> fields_{{"pair", DType::i64, Shape{2}}};
  mutable std::atomic<std::int64_t> reads_ = 0;
};

}  // namespace trireme::data
