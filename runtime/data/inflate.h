// Files that may be compressed with gzip.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trireme::data {

// The bytes of a file, uncompressed where it begins as gzip does (RFC 1952). An Error where the compressed data are
// damaged or cut short, and where the bytes would be more than `limit`, or more than both 256 MiB and a hundred times
// the compressed ones: memory is never taken for them.
std::string read_maybe_gzip(std::string_view where, const std::string& path, std::int64_t limit);

}  // namespace trireme::data
