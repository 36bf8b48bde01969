#include "runtime/data/token_shards.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/file.h"
#include "runtime/data/file_list.h"

namespace trireme::data {
namespace {

constexpr std::string_view op = "data";
constexpr std::int32_t magic_u16 = 20240520;
constexpr std::int32_t magic_u32 = 20240801;
constexpr std::int64_t header_bytes = 1024;  // 256 numbers of 4 bytes

struct Shard {
  InputFile file;
  std::int64_t data = 0;   // offset of the first id
  std::int64_t width = 2;  // bytes per id
  std::int64_t first = 0;  // number of its first token in the stream
  std::int64_t tokens = 0;
};

bool has_magic(const InputFile& file) {
  std::int32_t word = 0;
  if (file.size() >= 4) file.read(0, &word, 4);
  return word == magic_u16 || word == magic_u32;
}

void read_llm_c(Shard& shard) {
  const InputFile& file = shard.file;
  std::array<std::int32_t, 3> header{};
  if (file.size() < header_bytes)
    fail(op, file.path() + ": expected a header of", header_bytes, "bytes, found a file of", file.size());
  file.read(0, header.data(), sizeof header);
  const auto [magic, version, tokens] = header;
  if (magic != magic_u16 && magic != magic_u32)
    fail(op, file.path() + ": at offset 0 expected llm.c's magic number", magic_u16, "or", magic_u32, "found", magic,
         "- if the file has no header, as nanoGPT's, set data.shards.format: nanogpt");
  const std::int32_t expected_version = magic == magic_u16 ? 1 : 7;
  if (version != expected_version)
    fail(op, file.path() + ": at offset 4 expected version", expected_version, "found", version);
  shard.width = magic == magic_u16 ? 2 : 4;
  shard.data = header_bytes;
  shard.tokens = tokens;
  const std::int64_t expected = header_bytes + shard.tokens * shard.width;
  if (tokens < 1 || file.size() != expected)
    fail(op, file.path() + ": at offset 8 the header promises", tokens, "tokens, which makes", expected, "bytes, found",
         file.size(), "- the file was cut short or is damaged; make it again");
}

void read_raw(Shard& shard) {
  const InputFile& file = shard.file;
  if (has_magic(file))
    fail(op, file.path() + ": expected ids without a header, found llm.c's magic number; set data.shards.format: llmc");
  if (file.size() == 0 || file.size() % 2 != 0)
    fail(op, file.path() + ": expected ids of 2 bytes, found a file of", file.size(), "bytes");
  shard.tokens = file.size() / 2;
}

// A header has zeros behind its three numbers. With those and another magic number it is a damaged or unknown header,
// which must not pass for ids.
bool has_header(const InputFile& file) {
  if (has_magic(file)) return true;
  if (file.size() < header_bytes) return false;
  std::array<std::int32_t, header_bytes / 4> words{};
  file.read(0, words.data(), sizeof words);
  return std::all_of(words.begin() + 3, words.end(), [](std::int32_t word) { return word == 0; });
}

// Copies ids that lie unaligned at `raw`; the largest of them.
template <class Id>
std::uint32_t widen(const char* raw, std::span<std::int32_t> out) {
  std::uint32_t largest = 0;
  for (std::int32_t& id : out) {
    Id stored;
    std::memcpy(&stored, raw, sizeof stored);
    raw += sizeof stored;
    largest = std::max<std::uint32_t>(largest, stored);
    id = static_cast<std::int32_t>(stored);
  }
  return largest;
}

class TokenShards : public TokenStream {
 public:
  TokenShards(std::string name, std::vector<Shard> shards, std::int64_t vocabulary)
      : name_(std::move(name)), shards_(std::move(shards)), vocabulary_(vocabulary) {
    for (Shard& shard : shards_) {
      shard.first = size_;
      size_ += shard.tokens;
    }
  }

  std::string name() const override { return name_; }
  std::int64_t size() const override { return size_; }

  void read(std::int64_t first, std::span<std::int32_t> out) const override {
    if (first < 0 || first > size_ || static_cast<std::int64_t>(out.size()) > size_ - first)
      fail(op, name_ + ": expected a range inside", size_, "tokens, found", out.size(), "from", first);
    auto shard = std::upper_bound(shards_.begin(), shards_.end(), first,
                                  [](std::int64_t at, const Shard& s) { return at < s.first + s.tokens; });
    for (; !out.empty(); ++shard) {
      const std::int64_t within = first - shard->first;
      const auto count = std::min(shard->tokens - within, static_cast<std::int64_t>(out.size()));
      read_from(*shard, within, out.first(static_cast<std::size_t>(count)));
      out = out.subspan(static_cast<std::size_t>(count));
      first += count;
    }
  }

 private:
  void read_from(const Shard& shard, std::int64_t first, std::span<std::int32_t> out) const {
    const std::int64_t offset = shard.data + first * shard.width;
    const auto count = static_cast<std::int64_t>(out.size());
    // The ids as they are stored go to the back of the output and are widened from front to back.
    char* raw = reinterpret_cast<char*>(out.data()) + count * (4 - shard.width);
    shard.file.read(offset, raw, count * shard.width);
    const std::uint32_t largest = shard.width == 2 ? widen<std::uint16_t>(raw, out) : widen<std::uint32_t>(raw, out);
    if (largest < vocabulary_) return;
    for (std::int64_t i = 0; i < count; ++i)
      if (const auto id = static_cast<std::uint32_t>(out[static_cast<std::size_t>(i)]); id >= vocabulary_)
        fail(op, shard.file.path() + ": at offset", offset + i * shard.width, "expected token ids below", vocabulary_,
             "found", id, "- was the file made with another tokenizer?");
  }

  std::string name_;
  std::vector<Shard> shards_;
  std::int64_t vocabulary_;
  std::int64_t size_ = 0;
};

// Reads blocks from all over a stream: ids of another tokenizer are found before a run begins, and not when it first
// validates.
void look_at_some(const TokenStream& stream) {
  constexpr std::int64_t blocks = 64, block_tokens = 4096;
  std::vector<std::int32_t> ids(static_cast<std::size_t>(std::min(block_tokens, stream.size())));
  const std::int64_t last = stream.size() - std::ssize(ids);
  for (std::int64_t block = 0; block < blocks; ++block) {
    stream.read(last / (blocks - 1) * block + last % (blocks - 1) * block / (blocks - 1), ids);
    if (last == 0) return;
  }
}

}  // namespace

std::shared_ptr<const TokenStream> open_token_shards(const ShardOptions& options) {
  require(options.vocabulary >= 1 && options.vocabulary <= std::int64_t{1} << 31, op,
          "expected a vocabulary of 1 to 2^31, found", options.vocabulary);
  std::vector<Shard> shards;
  for (const ListedFile& listed : list_files(op, options.paths, {.include = {"*.bin"}, .between = options.between})) {
    if (options.between) options.between();
    Shard shard{.file = InputFile(op, listed.path)};
    const bool header =
        options.format == ShardFormat::detect ? has_header(shard.file) : options.format == ShardFormat::llm_c;
    header ? read_llm_c(shard) : read_raw(shard);
    shards.push_back(std::move(shard));
  }
  const std::string& first = options.paths.front();
  const auto stream = std::make_shared<TokenShards>(options.paths.size() == 1 ? first : first + " and others",
                                                    std::move(shards), options.vocabulary);
  look_at_some(*stream);
  return stream;
}

}  // namespace trireme::data
