// The safetensors format: a little-endian u64 N, N bytes of JSON (names, dtypes, shapes, byte ranges), then the data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/dtype.h"
#include "runtime/base/file.h"
#include "runtime/base/shape.h"
#include "runtime/store/output_file.h"

namespace trireme::store {

using Metadata = std::map<std::string, std::string>;

struct TensorSpec {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
};

// A tensor and its place in a file.
struct StoredTensor {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::int64_t offset = 0;  // bytes from the start of the file
  std::int64_t bytes = 0;
};

struct SafetensorsHeader {
  std::vector<StoredTensor> tensors;  // in file order
  Metadata metadata;
  std::int64_t bytes = 0;  // where the data begins: 8 + N
};

// The largest N that readers of the format accept.
inline constexpr std::int64_t largest_safetensors_header = 100'000'000;

// Checks everything that the format promises: UTF-8, each name once, known dtypes, sizes that agree with shapes, byte
// ranges without holes or overlaps, a file that ends where the last tensor does. `json` is the header without N.
SafetensorsHeader parse_safetensors_header(const std::string& path, std::string_view json, std::int64_t file_bytes);

// Lays tensors out (widest elements first, then by name) and writes N and the JSON text into `text`.
SafetensorsHeader lay_out_safetensors(std::vector<TensorSpec> tensors, Metadata metadata, std::string& text);

// A file opened for reading, its header checked. Reading is safe from several threads.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(std::string path);

  const std::vector<StoredTensor>& tensors() const noexcept { return header_.tensors; }
  const Metadata& metadata() const noexcept { return header_.metadata; }
  const StoredTensor* find(std::string_view name) const;  // null when absent
  // Elements [begin, begin + count) of the flattened tensor.
  void read(const StoredTensor& tensor, std::int64_t begin, std::int64_t count, void* out) const;

 private:
  InputFile file_;
  SafetensorsHeader header_;
};

// Declares all tensors, then takes their elements: tensors in any order, the ranges of each from front to back.
// The file is removed again by the destructor unless finish() succeeded.
class SafetensorsWriter {
 public:
  SafetensorsWriter(std::string path, std::vector<TensorSpec> tensors, Metadata metadata = {}, FaultHook fault = {});
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  const SafetensorsHeader& header() const noexcept { return header_; }
  std::string_view header_text() const noexcept { return text_; }
  const StoredTensor& find(std::string_view name) const;
  // Elements [begin, begin + count) of the flattened tensor.
  void write(std::string_view name, std::int64_t begin, std::int64_t count, const void* data);
  // Checks that every element was written, then makes the file durable.
  void finish();

 private:
  std::string text_;
  SafetensorsHeader header_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<std::int64_t> written_;  // elements, per tensor
  OutputFile file_;
  bool finished_ = false;
};

}  // namespace trireme::store
