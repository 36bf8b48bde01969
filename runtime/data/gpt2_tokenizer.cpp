#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <queue>
#include <tuple>
#include <unordered_map>

#include "runtime/base/error.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/data/tokenizer.h"
#include "runtime/data/utf8.h"
#include "runtime/data/word_splitter.h"

namespace trireme::data {
namespace {

constexpr std::string_view op = "tokenizer";
constexpr std::int64_t largest_file = std::int64_t{64} << 20;
constexpr std::size_t cached_words = 1 << 16;
constexpr std::string_view word_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// The files write a byte as one printable character: itself where it is one, else the next of U+0100, U+0101, ...
std::optional<std::string> bytes_of(std::string_view written) {
  static const std::array<int, 512> byte_of = [] {
    std::array<int, 512> table{};
    table.fill(-1);
    std::size_t next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      table[printable ? static_cast<std::size_t>(byte) : next++] = byte;
    }
    return table;
  }();
  std::string bytes;
  while (!written.empty()) {
    const CodePoint point = first_code_point(written);
    if (point.bytes == 0 || point.value >= byte_of.size() || byte_of[point.value] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(byte_of[point.value]));
    written.remove_prefix(point.bytes);
  }
  return bytes;
}

struct Merge {
  std::int32_t rank = 0;
  std::int32_t result = 0;
};

// Two neighbouring tokens as one key.
std::uint64_t pair_of(std::int32_t left, std::int32_t right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

// Calls a function once for so many bytes of work.
class Pauses {
 public:
  explicit Pauses(const std::function<void()>& between) : between_(between) {}
  void work(std::size_t bytes) {
    if (!between_ || (done_ += bytes) < every_bytes) return;
    done_ = 0;
    between_();
  }

 private:
  static constexpr std::size_t every_bytes = 4096;
  const std::function<void()>& between_;
  std::size_t done_ = 0;
};

enum class Letters { space, letter, digit, other, not_ascii };

// How the word pattern sees a byte.
Letters letters_of(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x80) return Letters::not_ascii;
  if (byte <= ' ') return Letters::space;  // control characters too: nobody cuts behind them
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Letters::letter;
  return c >= '0' && c <= '9' ? Letters::digit : Letters::other;
}

class Gpt2Tokenizer : public Tokenizer {
 public:
  Gpt2Tokenizer(const std::string& vocab_json, const std::string& merges_txt) : splitter_(word_pattern) {
    read_vocabulary(vocab_json);
    read_merges(merges_txt);
  }

  std::string_view name() const noexcept override { return "gpt2"; }
  std::int64_t vocabulary_size() const noexcept override { return static_cast<std::int64_t>(tokens_.size()); }
  std::int32_t end_of_text() const noexcept override { return end_of_text_; }

  std::vector<std::int32_t> encode(std::string_view text, const std::function<void()>& between) const override {
    Pauses pauses(between);
    std::vector<std::int32_t> ids;
    std::unordered_map<std::string_view, std::vector<std::int32_t>> cache;
    splitter_.split(text, [&](std::string_view word) {
      auto known = cache.find(word);
      if (known == cache.end()) {
        if (cache.size() >= cached_words) cache.clear();
        known = cache.emplace(word, encode_word(word, pauses)).first;
      }
      pauses.work(word.size());
      ids.insert(ids.end(), known->second.begin(), known->second.end());
    });
    return ids;
  }

  // A word ends where one kind of letters is followed by another, unless it is a contraction ("'ll") or white space,
  // which belongs to the word behind it. The pattern never looks back, so the pieces have the words of the whole.
  std::size_t next_cut(std::string_view text, std::size_t from) const override {
    for (std::size_t at = from; at < text.size(); ++at) {
      const Letters before = letters_of(text[at - 1]), after = letters_of(text[at]);
      const bool ends = before == Letters::letter || before == Letters::digit ||
                        (before == Letters::other && after != Letters::letter);
      if (ends && before != after && after != Letters::not_ascii) return at;
    }
    return text.size();
  }

  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    for (std::int32_t id : ids) {
      if (id < 0 || id >= vocabulary_size()) fail(op, "expected ids below", vocabulary_size(), "found", id);
      text += tokens_[static_cast<std::size_t>(id)];
    }
    return text;
  }

 private:
  void read_vocabulary(const std::string& path);
  void read_merges(const std::string& path);
  std::vector<std::int32_t> encode_word(std::string_view word, Pauses& pauses) const;

  WordSplitter splitter_;
  std::vector<std::string> tokens_;                    // bytes by id
  std::unordered_map<std::string, std::int32_t> ids_;  // id by bytes
  std::array<std::int32_t, 256> byte_ids_{};
  std::unordered_map<std::uint64_t, Merge> merges_;
  std::int32_t end_of_text_ = 0;
};

void Gpt2Tokenizer::read_vocabulary(const std::string& path) {
  const nlohmann::json vocabulary = parse_json(op, path, InputFile(op, path).read_all(largest_file), 2);
  if (!vocabulary.is_object() || vocabulary.empty())
    fail(op, path + ": expected an object of tokens and their ids; is this GPT-2's vocab.json?");
  tokens_.resize(vocabulary.size());
  std::vector<bool> taken(vocabulary.size(), false);
  for (const auto& [written, id] : vocabulary.items()) {
    const std::optional<std::string> bytes = bytes_of(written);
    if (!bytes || bytes->empty()) fail(op, path + ": token", written, "is not written in GPT-2's byte characters");
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= vocabulary.size() || taken[id.get<std::size_t>()])
      fail(op, path + ": expected the ids 0 to", vocabulary.size() - 1, "once each, found", id.dump(), "for", written);
    taken[id.get<std::size_t>()] = true;
    tokens_[id.get<std::size_t>()] = *bytes;
    ids_.emplace(*bytes, id.get<std::int32_t>());
  }
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = ids_.find(std::string(1, static_cast<char>(byte)));
    if (found == ids_.end()) fail(op, path + ": expected a token for every byte, found none for byte", byte);
    byte_ids_[static_cast<std::size_t>(byte)] = found->second;
  }
  const auto end = ids_.find("<|endoftext|>");
  end_of_text_ = end != ids_.end() ? end->second : byte_ids_['\n'];
}

void Gpt2Tokenizer::read_merges(const std::string& path) {
  const std::string text = InputFile(op, path).read_all(largest_file);
  std::string_view rest = text;
  std::int32_t rank = 0;
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    const std::string place = path + ":" + std::to_string(number) + ":";
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
      fail(op, place, "expected two tokens and one space, found", line);
    const auto id_of = [&](const std::optional<std::string>& bytes) {
      const auto found = bytes ? ids_.find(*bytes) : ids_.end();
      if (found == ids_.end())
        fail(op, place, "the merge", line, "has a token or result that is not in the vocabulary");
      return found->second;
    };
    const std::optional<std::string> left = bytes_of(line.substr(0, space));
    const std::optional<std::string> right = bytes_of(line.substr(space + 1));
    const std::uint64_t pair = pair_of(id_of(left), id_of(right));
    if (!merges_.emplace(pair, Merge{rank++, id_of(*left + *right)}).second)
      fail(op, place, "the merge", line, "appears twice");
  }
}

// Merges the pair of lowest rank, the leftmost first, until no neighbours merge (Sennrich et al. 2016). A heap of
// candidates and a linked list of tokens: n log n for a word of n bytes, however long.
std::vector<std::int32_t> Gpt2Tokenizer::encode_word(std::string_view word, Pauses& pauses) const {
  struct Node {
    std::int32_t id, left, right;  // -1: no neighbour; id -1: merged into its left neighbour
  };
  using Candidate = std::tuple<std::int32_t, std::int32_t, std::uint64_t, std::int32_t>;  // rank, place, pair, result
  std::vector<Node> nodes;
  nodes.reserve(word.size());
  for (char c : word) {
    pauses.work(1);
    const auto at = static_cast<std::int32_t>(nodes.size());
    nodes.push_back({byte_ids_[static_cast<unsigned char>(c)], at - 1, at + 1});
  }
  nodes.back().right = -1;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  const auto node = [&](std::int32_t at) -> Node& { return nodes[static_cast<std::size_t>(at)]; };
  const auto pair_at = [&](std::int32_t at) { return pair_of(node(at).id, node(node(at).right).id); };
  const auto consider = [&](std::int32_t at) {
    if (at < 0 || node(at).right < 0) return;
    const auto merge = merges_.find(pair_at(at));
    if (merge != merges_.end()) heap.emplace(merge->second.rank, at, merge->first, merge->second.result);
  };
  for (std::int32_t at = 0; at < static_cast<std::int32_t>(nodes.size()); ++at) {
    pauses.work(1);
    consider(at);
  }
  while (!heap.empty()) {
    pauses.work(1);
    const auto [rank, at, pair, result] = heap.top();
    heap.pop();
    if (node(at).id < 0 || node(at).right < 0 || pair_at(at) != pair) continue;  // a neighbour has changed since
    Node& gone = node(node(at).right);
    node(at).id = result;
    node(at).right = gone.right;
    if (gone.right >= 0) node(gone.right).left = at;
    gone.id = -1;
    consider(node(at).left);
    consider(at);
  }
  std::vector<std::int32_t> ids;
  for (std::int32_t at = 0; at >= 0; at = node(at).right) ids.push_back(node(at).id);
  return ids;
}

}  // namespace

std::unique_ptr<Tokenizer> read_gpt2_tokenizer(const std::string& vocab_json, const std::string& merges_txt) {
  return std::make_unique<Gpt2Tokenizer>(vocab_json, merges_txt);
}

}  // namespace trireme::data
