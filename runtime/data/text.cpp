#include "runtime/data/text.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/file.h"

namespace trireme::data {
namespace {

constexpr std::string_view op = "data";
constexpr std::size_t slice_bytes = std::size_t{256} << 10;

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Where to end a slice that begins at `begin`: before a newline that follows a byte which is no white space.
// Bytes from 0x80 may belong to Unicode white space, so they do not count.
std::size_t slice_end(std::string_view text, std::size_t begin) {
  for (std::size_t at = begin + slice_bytes; at < text.size(); ++at) {
    const char before = text[at - 1];
    if (text[at] == '\n' && !is_space(before) && static_cast<unsigned char>(before) < 0x80) return at;
  }
  return text.size();
}

void encode(std::string_view text, const Tokenizer& tokenizer, const std::function<void()>& between,
            TokenCollector& tokens) {
  for (std::size_t begin = 0; begin < text.size();) {
    if (between) between();
    const std::size_t end = slice_end(text, begin);
    tokens.add(tokenizer.encode(text.substr(begin, end - begin)));
    begin = end;
  }
}

}  // namespace

std::shared_ptr<const TokenStream> read_text(const TextOptions& options, const Tokenizer& tokenizer) {
  const std::vector<ListedFile> files = list_files(op, options.paths, options.patterns);
  TokenCollector tokens(tokenizer.vocabulary_size());
  const std::int32_t end = tokenizer.end_of_text();
  std::int64_t bytes = 0;
  for (const ListedFile& listed : files) {
    const InputFile file(op, listed.path);
    if (file.size() == 0) continue;
    bytes += file.size();
    if (bytes > options.max_bytes)
      fail(op, listed.path + ": with this file there are", bytes, "bytes of text, expected at most", options.max_bytes,
           "- name fewer files, raise the limit, or make token shards of them");
    const std::string text = file.read_all(options.max_bytes);
    if (!listed.named && text.find('\0') != std::string::npos) {
      bytes -= file.size();
      continue;
    }
    if (tokens.size() > 0) tokens.add({&end, 1});
    encode(text, tokenizer, options.between, tokens);
  }
  const std::string first = options.paths.front();
  if (tokens.size() == 0) fail(op, first + ": expected text, found only empty or binary files");
  return tokens.stream(options.paths.size() == 1 ? first : first + " and others");
}

}  // namespace trireme::data
