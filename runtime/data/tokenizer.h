// Text to token ids and back.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::data {

// decode(encode(text)) == text for any bytes, valid UTF-8 or not. A text may be encoded in pieces: cut where a byte
// that is no white space is followed by a newline, the ids are the same.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  virtual std::string_view name() const noexcept = 0;
  virtual std::int64_t vocabulary_size() const noexcept = 0;
  // What stands between two documents.
  virtual std::int32_t end_of_text() const noexcept = 0;
  virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;
  // An id outside the vocabulary is an Error.
  virtual std::string decode(std::span<const std::int32_t> ids) const = 0;
};

// One id per byte; documents are separated by a newline.
std::unique_ptr<Tokenizer> make_byte_tokenizer();

// Byte-level BPE from the two files that GPT-2 is published with (Radford et al. 2019). The name of a special token in
// a text ("<|endoftext|>") is text: it never becomes the special id.
std::unique_ptr<Tokenizer> read_gpt2_tokenizer(const std::string& vocab_json, const std::string& merges_txt);

}  // namespace trireme::data
