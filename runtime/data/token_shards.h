// Files of token ids, read where they lie: the .bin formats of llm.c and nanoGPT. All files are one long stream.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/token_stream.h"

namespace trireme::data {

enum class ShardFormat : std::uint8_t {
  detect,   // llm_c for each file that begins with a header of that form, raw_u16 for the others
  llm_c,    // 1024 bytes of header (magic 20240520: ids of 2 bytes; 20240801: of 4), then the ids
  raw_u16,  // ids of 2 bytes and nothing else, as nanoGPT writes
};

struct ShardOptions {
  std::vector<std::string> paths;  // files; folders stand for their *.bin, patterns for what they match
  ShardFormat format = ShardFormat::llm_c;
  std::int64_t vocabulary = 0;  // an id at or above it is an Error, with file and offset, when it is read; some of all
                                // parts are read at once
  std::function<void()> between = {};  // called often; what it throws ends the opening
};

std::shared_ptr<const TokenStream> open_token_shards(const ShardOptions& options);

}  // namespace trireme::data
