// Plain text files as one stream of tokens in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/file_list.h"
#include "runtime/data/token_stream.h"
#include "runtime/data/tokenizer.h"

namespace trireme::data {

struct TextOptions {
  std::vector<std::string> paths;                  // files, folders, patterns
  FilePatterns patterns = {};                      // for folders
  std::int64_t max_bytes = std::int64_t{1} << 30;  // of all files together
  std::function<void()> between = {};              // called often; what it throws ends the reading
};

// The files one after the other, each followed by the tokenizer's end_of_text() but for the last. Empty files, and
// files found in folders that hold a zero byte (binaries), are left out; no text at all is an Error.
std::shared_ptr<const TokenStream> read_text(const TextOptions& options, const Tokenizer& tokenizer);

}  // namespace trireme::data
