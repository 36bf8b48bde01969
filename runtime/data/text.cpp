#include "runtime/data/text.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/file.h"

namespace trireme::data {
namespace {

constexpr std::string_view op = "data";
constexpr std::size_t slice_bytes = std::size_t{256} << 10;
constexpr std::int64_t read_bytes = std::int64_t{16} << 20;  // at once

std::string read_whole(const InputFile& file, const std::function<void()>& between) {
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  for (std::int64_t at = 0; at < file.size(); at += read_bytes) {
    if (between) between();
    file.read(at, text.data() + at, std::min(read_bytes, file.size() - at));
  }
  return text;
}

void encode(std::string_view text, const Tokenizer& tokenizer, const std::function<void()>& between,
            TokenCollector& tokens) {
  while (!text.empty()) {
    if (between) between();
    const std::string_view slice =
        text.substr(0, text.size() > slice_bytes ? tokenizer.next_cut(text, slice_bytes) : text.size());
    tokens.add(tokenizer.encode(slice, between));
    text.remove_prefix(slice.size());
  }
}

}  // namespace

std::shared_ptr<const TokenStream> read_text(const TextOptions& options, const Tokenizer& tokenizer) {
  FilePatterns patterns = options.patterns;
  patterns.between = options.between;
  const std::vector<ListedFile> files = list_files(op, options.paths, patterns);
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
    const std::string text = read_whole(file, options.between);
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
