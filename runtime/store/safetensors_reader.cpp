#include <algorithm>

#include "runtime/store/safetensors.h"

namespace trireme::store {
namespace {

constexpr std::string_view op = "safetensors";

SafetensorsHeader read_header(const InputFile& file) {
  if (file.size() < 8)
    fail(op, file.path() + ": expected at least 8 bytes, found", file.size(), "- is this a safetensors file?");
  std::uint64_t length = 0;
  file.read(0, &length, 8);
  if (length > std::uint64_t{largest_safetensors_header} || length > static_cast<std::uint64_t>(file.size() - 8))
    fail(op, file.path() + ": the header claims", length, "bytes, the file has", file.size(), "and",
         largest_safetensors_header, "are allowed; it was cut short or is no safetensors file");
  std::string json(length, '\0');
  file.read(8, json.data(), static_cast<std::int64_t>(length));
  return parse_safetensors_header(file.path(), json, file.size());
}

}  // namespace

SafetensorsReader::SafetensorsReader(std::string path) : file_(op, std::move(path)), header_(read_header(file_)) {}

const StoredTensor* SafetensorsReader::find(std::string_view name) const {
  const auto found = std::find_if(header_.tensors.begin(), header_.tensors.end(),
                                  [&](const StoredTensor& tensor) { return tensor.name == name; });
  return found == header_.tensors.end() ? nullptr : &*found;
}

void SafetensorsReader::read(const StoredTensor& tensor, std::int64_t begin, std::int64_t count, void* out) const {
  const std::int64_t numel = tensor.bytes / size_of(tensor.dtype);
  if (begin < 0 || count < 0 || begin > numel || count > numel - begin)
    fail(op, file_.path() + ": tensor", tensor.name, "has", numel, "elements, asked for", count, "from", begin);
  file_.read(tensor.offset + begin * size_of(tensor.dtype), out, count * size_of(tensor.dtype));
}

}  // namespace trireme::store
