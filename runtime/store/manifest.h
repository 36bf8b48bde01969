// The manifest of a checkpoint folder: which file holds which elements of which tensor, with checksums.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/store/safetensors.h"

namespace trireme::store {

inline constexpr std::string_view manifest_name = "manifest.json";
inline constexpr int manifest_version = 2;  // 2: pieces of several runs; without them 1 is written

struct ManifestFile {
  std::string name;  // letters, digits, '.', '_' and '-': it never leaves the folder
  std::int64_t bytes = 0;
  std::int64_t header_bytes = 0;
  std::uint64_t header_checksum = 0;
};

// `count` elements of a flattened tensor from `begin` on, at byte `offset` of a file. The unit that is verified: the
// header checksums of the files and the checksums of the pieces cover every byte once. A block of a matrix's columns
// is several runs: `run` elements every `stride`.
struct Piece {
  std::int64_t file = 0;  // index into Manifest::files
  std::int64_t offset = 0;
  std::int64_t begin = 0;
  std::int64_t count = 0;
  std::uint64_t checksum = 0;
  std::int64_t run = 0;     // divides count; 0: one run
  std::int64_t stride = 0;  // at least run

  bool in_runs() const noexcept { return run > 0; }
  // Behind its last element.
  std::int64_t end() const noexcept { return in_runs() ? begin + (count / run - 1) * stride + run : begin + count; }
};

struct ManifestTensor {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::vector<Piece> pieces;
};

struct Manifest {
  std::int64_t step = 0;
  Metadata metadata;
  std::vector<ManifestFile> files;
  std::vector<ManifestTensor> tensors;
};

// JSON text that carries its own format version and checksum.
std::string to_text(const Manifest& manifest);
// Checks version, checksum and form; `source` is the path for messages.
Manifest parse_manifest(const std::string& source, std::string_view text);
// Joins the parts of several writers: files one after the other, the pieces of a tensor from all of them.
Manifest join(const std::vector<Manifest>& parts);
// Sorts pieces; every tensor must be covered from its first element to its last, once, by pieces that lie inside
// their files. Runs of one tensor have one stride, the length of its rows, and stay within a row.
void check_complete(const std::string& source, Manifest& manifest);

}  // namespace trireme::store
