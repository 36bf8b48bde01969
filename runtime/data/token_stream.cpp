#include "runtime/data/token_stream.h"

#include <algorithm>

#include "runtime/base/checksum.h"
#include "runtime/base/error.h"

namespace trireme::data {
namespace {

constexpr std::string_view op = "data";

void check_range(const TokenStream& stream, std::int64_t first, std::size_t count) {
  const auto wanted = static_cast<std::int64_t>(count);
  if (first < 0 || first > stream.size() || wanted > stream.size() - first)
    fail(op, stream.name() + ": expected a range inside", stream.size(), "tokens, found", wanted, "from", first);
}

template <class Id>
class MemoryTokens : public TokenStream {
 public:
  MemoryTokens(std::string name, std::vector<Id> ids) : name_(std::move(name)), ids_(std::move(ids)) {}

  std::string name() const override { return name_; }
  std::int64_t size() const override { return static_cast<std::int64_t>(ids_.size()); }
  void read(std::int64_t first, std::span<std::int32_t> out) const override {
    check_range(*this, first, out.size());
    std::copy_n(ids_.begin() + first, out.size(), out.begin());
  }
  std::uint64_t checksum(std::int64_t first, std::int64_t count) const override {
    check_range(*this, first, static_cast<std::size_t>(count));
    Checksum sum;
    sum.update(ids_.data() + first, count * static_cast<std::int64_t>(sizeof(Id)));
    return sum.value();
  }

 private:
  std::string name_;
  std::vector<Id> ids_;
};

class Part : public TokenStream {
 public:
  Part(std::shared_ptr<const TokenStream> whole, std::string name, std::int64_t begin, std::int64_t end)
      : whole_(std::move(whole)), name_(std::move(name)), begin_(begin), size_(end - begin) {}

  std::string name() const override { return name_; }
  std::int64_t size() const override { return size_; }
  void read(std::int64_t first, std::span<std::int32_t> out) const override {
    check_range(*this, first, out.size());
    whole_->read(begin_ + first, out);
  }
  std::uint64_t checksum(std::int64_t first, std::int64_t count) const override {
    check_range(*this, first, static_cast<std::size_t>(count));
    return whole_->checksum(begin_ + first, count);
  }

 private:
  std::shared_ptr<const TokenStream> whole_;
  std::string name_;
  std::int64_t begin_;
  std::int64_t size_;
};

}  // namespace

std::uint64_t TokenStream::checksum(std::int64_t first, std::int64_t count) const {
  constexpr std::int64_t block = 4096, most_blocks = 1024;
  const std::int64_t blocks = std::min(most_blocks, (count + block - 1) / block);
  Checksum sum;
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const bool all = count <= blocks * block;
    const std::int64_t at = all ? i * block : i * (count - block) / (blocks - 1);
    ids.resize(static_cast<std::size_t>(std::min(block, count - at)));
    read(first + at, ids);
    sum.update(ids.data(), static_cast<std::int64_t>(ids.size() * sizeof(std::int32_t)));
  }
  return sum.value();
}

TokenCollector::TokenCollector(std::int64_t vocabulary) : vocabulary_(vocabulary) {
  require(vocabulary >= 1 && vocabulary <= std::int64_t{1} << 31, op, "expected a vocabulary of 1 to 2^31, found",
          vocabulary);
}

void TokenCollector::add(std::span<const std::int32_t> ids) {
  std::uint32_t largest = 0;  // a negative id is a large one
  for (std::int32_t id : ids) largest = std::max(largest, static_cast<std::uint32_t>(id));
  if (largest >= vocabulary_)
    fail(op, "expected token ids below", vocabulary_, "found", static_cast<std::int32_t>(largest));
  const auto append = [&]<class Id>(std::vector<Id>& to) {
    const std::size_t before = to.size();
    to.resize(before + ids.size());
    std::transform(ids.begin(), ids.end(), to.begin() + static_cast<std::ptrdiff_t>(before),
                   [](std::int32_t id) { return static_cast<Id>(id); });
  };
  if (vocabulary_ <= 256)
    append(narrow_);
  else if (vocabulary_ <= 65536)
    append(medium_);
  else
    append(wide_);
}

std::int64_t TokenCollector::size() const {
  return static_cast<std::int64_t>(narrow_.size() + medium_.size() + wide_.size());
}

std::shared_ptr<const TokenStream> TokenCollector::stream(std::string name) {
  if (vocabulary_ <= 256) return std::make_shared<MemoryTokens<std::uint8_t>>(std::move(name), std::move(narrow_));
  if (vocabulary_ <= 65536) return std::make_shared<MemoryTokens<std::uint16_t>>(std::move(name), std::move(medium_));
  return std::make_shared<MemoryTokens<std::int32_t>>(std::move(name), std::move(wide_));
}

std::shared_ptr<const TokenStream> memory_tokens(std::string name, std::span<const std::int32_t> ids,
                                                 std::int64_t vocabulary) {
  TokenCollector collector(vocabulary);
  collector.add(ids);
  return collector.stream(std::move(name));
}

std::shared_ptr<const TokenStream> part_of(std::shared_ptr<const TokenStream> whole, std::string name,
                                           std::int64_t begin, std::int64_t end) {
  if (begin < 0 || end < begin || end > whole->size())
    fail(op, whole->name() + ": expected a part inside", whole->size(), "tokens, found [", begin, ",", end, ")");
  return std::make_shared<Part>(std::move(whole), std::move(name), begin, end);
}

Split split_off_end(const std::shared_ptr<const TokenStream>& whole, double fraction) {
  require(fraction > 0.0 && fraction < 1.0, op, "expected a validation fraction between 0 and 1, found", fraction);
  const auto at = whole->size() - static_cast<std::int64_t>(static_cast<double>(whole->size()) * fraction);
  return {part_of(whole, whole->name() + " (training part)", 0, at),
          part_of(whole, whole->name() + " (validation part)", at, whole->size())};
}

}  // namespace trireme::data
