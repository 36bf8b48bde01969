#include "runtime/data/tokenizer.h"

#include <algorithm>

#include "runtime/base/error.h"

namespace trireme::data {
namespace {

class ByteTokenizer : public Tokenizer {
 public:
  std::string_view name() const noexcept override { return "bytes"; }
  std::int64_t vocabulary_size() const noexcept override { return 256; }
  std::int32_t end_of_text() const noexcept override { return '\n'; }

  std::vector<std::int32_t> encode(std::string_view text, const std::function<void()>&) const override {
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    return {bytes, bytes + text.size()};
  }
  std::size_t next_cut(std::string_view text, std::size_t from) const override { return std::min(from, text.size()); }

  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    text.reserve(ids.size());
    for (std::int32_t id : ids) {
      if (id < 0 || id > 255) fail("tokenizer", "expected ids below 256, found", id);
      text.push_back(static_cast<char>(id));
    }
    return text;
  }
};

}  // namespace

std::unique_ptr<Tokenizer> make_byte_tokenizer() {
  return std::make_unique<ByteTokenizer>();
}

}  // namespace trireme::data
