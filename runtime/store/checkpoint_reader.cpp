#include <algorithm>
#include <cstddef>
#include <utility>

#include "runtime/store/checkpoint.h"
#include "runtime/store/checksum.h"

namespace trireme::store {
namespace {

constexpr std::string_view op = "checkpoint";
constexpr std::int64_t largest_manifest = std::int64_t{256} << 20;
constexpr std::int64_t chunk_bytes = std::int64_t{256} << 10;  // hashed while it is still in the cache

// Whatever goes wrong with the bytes of a checkpoint is damage.
template <class Work>
auto or_damaged(Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const Error& error) {
    throw DamagedCheckpoint(error.what());
  }
}

Manifest read_manifest(const std::string& path) {
  return or_damaged([&] {
    const InputFile file(op, path + "/" + std::string(manifest_name), Links::refuse);
    Manifest manifest = parse_manifest(file.path(), file.read_all(largest_manifest));
    check_complete(file.path(), manifest);
    return manifest;
  });
}

}  // namespace

CheckpointReader::CheckpointReader(std::string path) : path_(std::move(path)), manifest_(read_manifest(path_)) {
  or_damaged([&] {
    for (const ManifestFile& file : manifest_.files) check_file(file);
  });
  for (std::size_t i = 0; i < manifest_.tensors.size(); ++i) index_.emplace(manifest_.tensors[i].name, i);
}

void CheckpointReader::check_file(const ManifestFile& entry) const {
  const InputFile file(op, file_path(entry), Links::refuse);
  if (file.size() != entry.bytes)
    fail(op, file.path() + ": expected", entry.bytes, "bytes, found", file.size(),
         "- the checkpoint was cut short; use another one");
  std::string header(static_cast<std::size_t>(entry.header_bytes), '\0');
  file.read(0, header.data(), entry.header_bytes);
  if (checksum_of(header) != entry.header_checksum)
    fail(op, file.path() + ": the header's checksum does not match - the file was damaged; use another checkpoint");
}

const ManifestTensor* CheckpointReader::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &manifest_.tensors[found->second];
}

void CheckpointReader::read(const std::string& name, std::int64_t begin, std::int64_t count, void* out) const {
  const ManifestTensor* tensor = find(name);
  if (tensor == nullptr) fail(op, path_ + ": holds no tensor", name);
  const std::int64_t numel = tensor->shape.numel();
  if (begin < 0 || count < 0 || begin > numel || count > numel - begin)
    fail(op, path_ + ": tensor", name, "has", numel, "elements, asked for", count, "from", begin);
  const std::int64_t end = begin + count;
  const auto after = [](std::int64_t element, const Piece& piece) { return element < piece.begin + piece.count; };
  auto piece = std::upper_bound(tensor->pieces.begin(), tensor->pieces.end(), begin, after);
  or_damaged([&] {
    for (; piece != tensor->pieces.end() && piece->begin < end; ++piece)
      read_piece(*tensor, *piece, begin, end, static_cast<std::byte*>(out));
  });
}

// Reads the whole piece and keeps what lies in [begin, end) of the tensor; `out` is the place of element `begin`.
void CheckpointReader::read_piece(const ManifestTensor& tensor, const Piece& piece, std::int64_t begin,
                                  std::int64_t end, std::byte* out) const {
  const ManifestFile& manifest_file = manifest_.files[static_cast<std::size_t>(piece.file)];
  const InputFile file(op, file_path(manifest_file), Links::refuse);
  const std::int64_t width = size_of(tensor.dtype);
  const std::int64_t chunk = chunk_bytes / width;
  std::vector<std::byte> aside;  // for chunks that are needed in part, or only for the checksum
  Checksum checksum;
  for (std::int64_t at = piece.begin; at < piece.begin + piece.count; at += chunk) {
    const std::int64_t stop = std::min(at + chunk, piece.begin + piece.count);
    const std::int64_t offset = piece.offset + (at - piece.begin) * width;
    const bool direct = at >= begin && stop <= end;
    if (!direct) aside.resize(static_cast<std::size_t>(chunk_bytes));
    std::byte* to = direct ? out + (at - begin) * width : aside.data();
    file.read(offset, to, (stop - at) * width);
    checksum.update(to, (stop - at) * width);
    const std::int64_t from = std::max(at, begin);
    const std::int64_t until = std::min(stop, end);
    if (!direct && from < until)
      std::copy_n(aside.data() + (from - at) * width, (until - from) * width, out + (from - begin) * width);
  }
  if (checksum.value() != piece.checksum)
    fail(op, file.path() + ": tensor", tensor.name, "elements", piece.begin, "to", piece.begin + piece.count,
         "(bytes from", piece.offset,
         "on): the checksum does not match - the file was damaged; use another checkpoint");
}

void CheckpointReader::verify() const {
  or_damaged([&] {
    for (const ManifestFile& file : manifest_.files) check_file(file);
    for (const ManifestTensor& tensor : manifest_.tensors)
      for (const Piece& piece : tensor.pieces) read_piece(tensor, piece, 0, 0, nullptr);
  });
}

}  // namespace trireme::store
