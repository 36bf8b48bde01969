#include "runtime/data/images/idx.h"

#include "runtime/base/error.h"
#include "runtime/data/inflate.h"

namespace trireme::data {
namespace {

constexpr const char* where = "data";

std::uint32_t big_endian(const std::string& bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

struct IdxArray {
  std::vector<std::int64_t> sizes;
  std::string bytes;  // of the file; the elements begin at `first`
  std::size_t first = 0;
};

// Magic number: two zero bytes, the type (8: unsigned bytes), the number of dimensions; then the sizes.
IdxArray read_array(const std::string& path, std::int64_t limit) {
  IdxArray array;
  array.bytes = read_maybe_gzip(where, path, limit);
  const std::string& bytes = array.bytes;
  require(bytes.size() >= 4, where, path + ": expected an IDX file, found", bytes.size(), "bytes");
  const std::uint32_t magic = big_endian(bytes, 0), dimensions = magic & 0xffu;
  if (magic >> 16 != 0 || dimensions == 0 || dimensions > 4)
    fail(where, path + ": expected the magic number of an IDX file (2049 for labels, 2051 for images), found", magic);
  if ((magic >> 8 & 0xffu) != 8)
    fail(where, path + ": expected elements of one unsigned byte (type 8), found type", magic >> 8 & 0xffu);
  array.first = 4 + 4 * std::size_t{dimensions};
  require(bytes.size() >= array.first, where, path + ": the header is cut short");
  std::int64_t elements = 1;
  const auto held = static_cast<std::int64_t>(bytes.size() - array.first);
  for (std::uint32_t d = 0; d < dimensions; ++d) {
    array.sizes.push_back(big_endian(bytes, 4 + 4 * std::size_t{d}));
    const std::int64_t size = array.sizes.back();
    elements = size > 0 && elements > held / size ? held + 1 : elements * size;  // more than there are: no overflow
  }
  if (elements != held) {
    std::string promised;
    for (const std::int64_t size : array.sizes) promised += (promised.empty() ? "" : " x ") + std::to_string(size);
    fail(where, path + ": the header promises", promised, "bytes, and", held, "follow it");
  }
  return array;
}

}  // namespace

std::shared_ptr<const ImageSet> read_idx(const IdxOptions& options) {
  const IdxArray images = read_array(options.images, options.max_bytes);
  const IdxArray labels = read_array(options.labels, options.max_bytes);
  require(images.sizes.size() == 3 || images.sizes.size() == 4, where,
          options.images + ": expected images, found an array of", images.sizes.size(), "dimensions");
  require(labels.sizes.size() == 1, where, options.labels + ": expected labels, found an array of", labels.sizes.size(),
          "dimensions");
  require(images.sizes[0] == labels.sizes[0], where, options.labels + ": expected a label for each of", images.sizes[0],
          "images in", options.images + ", found", labels.sizes[0]);
  MemoryImages::Contents contents{
      .shape = {images.sizes[1], images.sizes[2], images.sizes.size() == 4 ? images.sizes[3] : 1},
      .images = {images.bytes.begin() + static_cast<std::ptrdiff_t>(images.first), images.bytes.end()},
      .labels = {},
      .masks = {},
      .origin = options.labels};
  for (std::size_t i = labels.first; i < labels.bytes.size(); ++i)
    contents.labels.push_back(static_cast<unsigned char>(labels.bytes[i]));
  return std::make_shared<MemoryImages>(std::move(contents));
}

}  // namespace trireme::data
