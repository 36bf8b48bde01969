#include "runtime/data/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

#include "runtime/base/error.h"
#include "runtime/base/file.h"

namespace trireme::data {
namespace {

constexpr int with_gzip_header = 16 + MAX_WBITS;
// What no data set that people publish exceeds: a small file that expands without end is refused early.
constexpr std::int64_t usual_bytes = std::int64_t{256} << 20, most_times = 100;

struct EndInflate {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

// Members of a gzip file, one after the other.
std::string inflated(std::string_view where, const std::string& path, const std::string& packed, std::int64_t limit) {
  z_stream stream{};
  require(inflateInit2(&stream, with_gzip_header) == Z_OK, where, path + ": zlib has no memory");
  const std::unique_ptr<z_stream, EndInflate> end(&stream);
  // The library takes its bytes as non-const and does not change them.
  auto* next = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  std::size_t left = packed.size();
  std::string out;
  constexpr std::size_t step = std::size_t{1} << 20;
  for (std::string piece(step, '\0');;) {
    stream.next_in = next;
    stream.avail_in = static_cast<uInt>(std::min(left, step));
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(step);
    const uInt offered = stream.avail_in;
    const int status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t taken = offered - stream.avail_in, made = step - stream.avail_out;
    next += taken;
    left -= taken;
    if (static_cast<std::int64_t>(out.size() + made) > limit)
      fail(where, path + ": expands to more than", limit, "bytes: is it what it says it is?");
    out.append(piece, 0, made);
    if (status == Z_STREAM_END) {
      if (left == 0) return out;
      require(inflateReset(&stream) == Z_OK, where, path + ": damaged gzip data");
    } else if (status != Z_OK && !(status == Z_BUF_ERROR && left > 0)) {
      fail(where, path + ":", left == 0 ? "the gzip data are cut short" : "damaged gzip data",
           stream.msg ? std::string("(") + stream.msg + ")" : std::string());
    }
    if (taken == 0 && made == 0) fail(where, path + ": the gzip data are cut short");
  }
}

}  // namespace

std::string read_maybe_gzip(std::string_view where, const std::string& path, std::int64_t limit) {
  const InputFile file(where, path);
  if (file.size() > limit) fail(where, path + ": expected at most", limit, "bytes, found a file of", file.size());
  std::string bytes = file.read_all(limit);
  if (!bytes.starts_with("\x1f\x8b")) return bytes;
  return inflated(where, path, bytes, std::min(limit, std::max(usual_bytes, most_times * std::ssize(bytes))));
}

}  // namespace trireme::data
