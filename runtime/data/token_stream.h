// One long sequence of token ids: a text, some files of shards, or a part of another stream.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace trireme::data {

class TokenStream {
 public:
  virtual ~TokenStream() = default;

  virtual std::string name() const = 0;  // for messages
  virtual std::int64_t size() const = 0;
  // Tokens [first, first + out.size()), which must lie inside the stream. Safe from several threads.
  virtual void read(std::int64_t first, std::span<std::int32_t> out) const = 0;
  // A number made of tokens [first, first + count): of all of them where that costs little beside having read them,
  // else of 1024 blocks of 4096, the first, the last, and others evenly between them.
  virtual std::uint64_t checksum(std::int64_t first, std::int64_t count) const;
};

// Ids in memory, in one or two bytes each where `vocabulary` allows it.
std::shared_ptr<const TokenStream> memory_tokens(std::string name, std::span<const std::int32_t> ids,
                                                 std::int64_t vocabulary);

// Collects ids for a stream in memory.
class TokenCollector {
 public:
  // Ids will be in [0, vocabulary).
  explicit TokenCollector(std::int64_t vocabulary);
  void add(std::span<const std::int32_t> ids);
  std::int64_t size() const;
  // Takes what was collected.
  std::shared_ptr<const TokenStream> stream(std::string name);

 private:
  std::int64_t vocabulary_;
  std::vector<std::uint8_t> narrow_;
  std::vector<std::uint16_t> medium_;
  std::vector<std::int32_t> wide_;
};

// Tokens [begin, end) of `whole`.
std::shared_ptr<const TokenStream> part_of(std::shared_ptr<const TokenStream> whole, std::string name,
                                           std::int64_t begin, std::int64_t end);

struct Split {
  std::shared_ptr<const TokenStream> training;
  std::shared_ptr<const TokenStream> validation;
};
// The last `fraction` (in (0, 1)) of the stream for validation, the rest for training.
Split split_off_end(const std::shared_ptr<const TokenStream>& whole, double fraction);

}  // namespace trireme::data
