#include "runtime/data/token_windows.h"

#include <algorithm>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/philox.h"

namespace trireme::data {

TokenWindows::TokenWindows(std::shared_ptr<const TokenStream> stream, WindowOptions options)
    : stream_(std::move(stream)), options_(options) {
  const std::int64_t sequence = options_.sequence;
  require(sequence >= 1, "data", "expected a sequence of at least one token, found", sequence);
  if (stream_->size() <= sequence)
    fail("data", stream_->name() + ": expected at least", sequence + 1, "tokens (a sequence of", sequence,
         "and the one after it), found", stream_->size(), "- shorten the sequence or give more data");
  fields_ = {{"tokens", DType::i32, Shape{sequence}}, {"targets", DType::i32, Shape{sequence}}};
  samples_ = (stream_->size() - 1) / sequence;
  if (options_.phase_seed) {
    samples_ = std::max<std::int64_t>(1, (stream_->size() - sequence) / sequence);  // room for the largest phase
    phases_ = std::min(sequence, stream_->size() - samples_ * sequence);
  }
}

std::int64_t TokenWindows::phase(std::int64_t epoch) const {
  if (!options_.phase_seed) return 0;
  const std::uint32_t word =
      random_word({*options_.phase_seed, hash_name("window phase")}, static_cast<std::uint64_t>(epoch));
  return static_cast<std::int64_t>(word % static_cast<std::uint64_t>(phases_));
}

void TokenWindows::read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const {
  const std::int64_t sequence = options_.sequence;
  std::vector<std::int32_t> window(static_cast<std::size_t>(sequence) + 1);
  stream_->read(phase(epoch) + sample * sequence, window);
  const std::size_t bytes = static_cast<std::size_t>(sequence) * sizeof(std::int32_t);
  std::memcpy(rows[0], window.data(), bytes);
  std::memcpy(rows[1], window.data() + 1, bytes);
}

}  // namespace trireme::data
