// Samples for a language model: windows of T + 1 consecutive tokens, as T inputs and the T tokens that follow them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/data/source.h"
#include "runtime/data/token_stream.h"

namespace trireme::data {

struct WindowOptions {
  std::int64_t sequence = 0;  // T
  // With a seed, the windows of every epoch begin at another phase in [0, T), so that a token is not always seen in the
  // same place of its window; the ends of the stream that do not fill a window are left out of that epoch. Without one,
  // windows begin at token 0.
  std::optional<std::uint64_t> phase_seed = {};
};

// "tokens" (T) i32 and "targets" (T) i32.
class TokenWindows : public Source {
 public:
  // The stream must hold at least one window.
  TokenWindows(std::shared_ptr<const TokenStream> stream, WindowOptions options);

  std::span<const Field> fields() const override { return fields_; }
  std::int64_t samples() const override { return samples_; }
  void read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const override;
  std::uint64_t checksum() const override { return stream_->checksum(0, stream_->size()); }
  // Where the windows of an epoch begin.
  std::int64_t phase(std::int64_t epoch) const;

 private:
  std::shared_ptr<const TokenStream> stream_;
  WindowOptions options_;
  std::vector<Field> fields_;
  std::int64_t samples_ = 0;
  std::int64_t phases_ = 1;  // how many phases leave room for all samples
};

}  // namespace trireme::data
