#include "runtime/data/images/cifar.h"

#include "runtime/base/error.h"
#include "runtime/data/file_list.h"
#include "runtime/data/inflate.h"

namespace trireme::data {
namespace {

constexpr std::int64_t side = 32, channels = 3, plane = side * side;
constexpr std::int64_t most_bytes = std::int64_t{1} << 32;

// Records of labels, then a plane for each colour.
void add_file(const std::string& path, bool hundred, MemoryImages::Contents& contents) {
  const std::int64_t labels = hundred ? 2 : 1, record = labels + channels * plane;
  const std::string bytes = read_maybe_gzip("data", path, most_bytes);
  const std::int64_t size = std::ssize(bytes);
  if (size == 0 || size % record != 0)
    fail("data", path + ": expected records of", record, "bytes, as", hundred ? "CIFAR-100" : "CIFAR-10",
         "has, found a file of", size);
  for (std::int64_t begin = 0; begin < size; begin += record) {
    const auto byte = [&](std::int64_t at) {
      return static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(begin + at)]);
    };
    const std::int32_t label = byte(labels - 1);
    if (label >= (hundred ? 100 : 10))
      fail("data", path + ": record", begin / record, "has the label", std::to_string(label) + "; expected one below",
           hundred ? 100 : 10);
    contents.labels.push_back(label);
    for (std::int64_t pixel = 0; pixel < plane; ++pixel)
      for (std::int64_t c = 0; c < channels; ++c) contents.images.push_back(byte(labels + c * plane + pixel));
  }
}

}  // namespace

std::shared_ptr<const ImageSet> read_cifar(const CifarOptions& options) {
  require(!options.paths.empty(), "data", "expected files of CIFAR, found none");
  MemoryImages::Contents contents{
      .shape = {side, side, channels}, .images = {}, .labels = {}, .masks = {}, .origin = options.paths.front()};
  if (!options.hundred)
    contents.names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  for (const ListedFile& file : list_files("data", options.paths, {.include = {"*.bin", "*.bin.gz"}}))
    add_file(file.path, options.hundred, contents);
  return std::make_shared<MemoryImages>(std::move(contents));
}

}  // namespace trireme::data
