// Text to token ids and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::data {

// decode(encode(text)) == text for any bytes, valid UTF-8 or not.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  virtual std::string_view name() const noexcept = 0;
  virtual std::int64_t vocabulary_size() const noexcept = 0;
  // What stands between two documents.
  virtual std::int32_t end_of_text() const noexcept = 0;
  // `between` is called every few thousand bytes; what it throws ends the work.
  virtual std::vector<std::int32_t> encode(std::string_view text, const std::function<void()>& between) const = 0;
  std::vector<std::int32_t> encode(std::string_view text) const { return encode(text, {}); }
  // The first place from `from` (at least 1) on where `text` may be cut in two: encoded one after the other, the
  // pieces give the ids of the whole. text.size() where there is none.
  virtual std::size_t next_cut(std::string_view text, std::size_t from) const = 0;
  // An id outside the vocabulary is an Error.
  virtual std::string decode(std::span<const std::int32_t> ids) const = 0;
};

// One id per byte; documents are separated by a newline.
std::unique_ptr<Tokenizer> make_byte_tokenizer();

// Byte-level BPE from the two files that GPT-2 is published with (Radford et al. 2019). The name of a special token in
// a text ("<|endoftext|>") is text: it never becomes the special id.
std::unique_ptr<Tokenizer> read_gpt2_tokenizer(const std::string& vocab_json, const std::string& merges_txt);

}  // namespace trireme::data
