#include <algorithm>
#include <cstddef>
#include <utility>

#include "runtime/base/checksum.h"
#include "runtime/store/checkpoint.h"

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

// The ranges that a caller asks for, and where their elements go.
class CheckpointReader::Wanted {
 public:
  Wanted(std::span<const ElementRange> ranges, std::int64_t width, void* out) : width_(width) {
    auto* place = static_cast<std::byte*>(out);
    for (const ElementRange& range : ranges) {
      if (range.count == 0) continue;
      parts_.push_back({range.begin, range.begin + range.count, place});
      place += range.count * width;
    }
  }

  bool touches(const Piece& piece) const {
    auto part = first_behind(piece.begin);
    for (; part != parts_.end() && part->begin < piece.end(); ++part) {
      if (!piece.in_runs()) return true;
      const std::int64_t from = std::max(part->begin - piece.begin, std::int64_t{0});
      const std::int64_t next = from % piece.stride < piece.run ? from : (from / piece.stride + 1) * piece.stride;
      if (piece.begin + next < std::min(part->end, piece.end())) return true;
    }
    return false;
  }
  // Where elements [begin, begin + count) go that are all wanted and lie together there; null where it is not so.
  std::byte* place_of(std::int64_t begin, std::int64_t count) const {
    const auto part = first_behind(begin);
    const bool inside = part != parts_.end() && part->begin <= begin && begin + count <= part->end;
    return inside ? part->place + (begin - part->begin) * width_ : nullptr;
  }
  // Copies what is wanted of elements [begin, begin + count), which lie at `from`.
  void take(std::int64_t begin, std::int64_t count, const std::byte* from) const {
    for (auto part = first_behind(begin); part != parts_.end() && part->begin < begin + count; ++part) {
      const std::int64_t first = std::max(begin, part->begin), last = std::min(begin + count, part->end);
      std::copy_n(from + (first - begin) * width_, (last - first) * width_,
                  part->place + (first - part->begin) * width_);
    }
  }

 private:
  struct Part {
    std::int64_t begin = 0, end = 0;
    std::byte* place = nullptr;
  };
  // The first part that ends behind `element`.
  std::vector<Part>::const_iterator first_behind(std::int64_t element) const {
    return std::upper_bound(parts_.begin(), parts_.end(), element,
                            [](std::int64_t value, const Part& part) { return value < part.end; });
  }

  std::int64_t width_;
  std::vector<Part> parts_;
};

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
         "- the checkpoint was cut short or added to; use another one");
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
  const ElementRange range{begin, count};
  read(name, std::span(&range, 1), out);
}

void CheckpointReader::read(const std::string& name, std::span<const ElementRange> ranges, void* out) const {
  const ManifestTensor* tensor = find(name);
  if (tensor == nullptr) fail(op, path_ + ": holds no tensor", name);
  const std::int64_t numel = tensor->shape.numel();
  std::int64_t after = 0;
  for (const ElementRange& range : ranges) {
    if (range.begin < after || range.count < 0 || range.begin > numel || range.count > numel - range.begin)
      fail(op, path_ + ": tensor", name, "has", numel, "elements, asked for", range.count, "from", range.begin);
    after = range.begin + range.count;
  }
  const Wanted wanted(ranges, size_of(tensor->dtype), out);
  or_damaged([&] {
    for (const Piece& piece : tensor->pieces)
      if (wanted.touches(piece)) read_piece(*tensor, piece, wanted);
  });
}

// Reads the whole piece and keeps what is wanted of it.
void CheckpointReader::read_piece(const ManifestTensor& tensor, const Piece& piece, const Wanted& wanted) const {
  const ManifestFile& manifest_file = manifest_.files[static_cast<std::size_t>(piece.file)];
  const InputFile file(op, file_path(manifest_file), Links::refuse);
  const std::int64_t width = size_of(tensor.dtype);
  const std::int64_t chunk = chunk_bytes / width;
  std::vector<std::byte> aside;  // for chunks that are needed in part, or only for the checksum
  Checksum checksum;
  for (std::int64_t at = 0; at < piece.count; at += chunk) {
    const std::int64_t count = std::min(chunk, piece.count - at);
    std::byte* to = piece.in_runs() ? nullptr : wanted.place_of(piece.begin + at, count);
    const bool direct = to != nullptr;
    if (!direct) {
      aside.resize(static_cast<std::size_t>(chunk_bytes));
      to = aside.data();
    }
    file.read(piece.offset + at * width, to, count * width);
    checksum.update(to, count * width);
    if (direct) continue;
    for (std::int64_t done = 0; done < count;) {  // what lies together in the tensor
      const std::int64_t stored = at + done, in_run = piece.in_runs() ? stored % piece.run : 0;
      const std::int64_t left = piece.in_runs() ? std::min(piece.run - in_run, count - done) : count - done;
      const std::int64_t element =
          piece.begin + (piece.in_runs() ? stored / piece.run * piece.stride + in_run : stored);
      wanted.take(element, left, aside.data() + done * width);
      done += left;
    }
  }
  if (checksum.value() != piece.checksum)
    fail(op, file.path() + ": tensor", tensor.name, "elements", piece.begin, "to", piece.end(), "(bytes from",
         piece.offset, "on): the checksum does not match - the file was damaged; use another checkpoint");
}

void CheckpointReader::verify() const {
  const Wanted nothing({}, 1, nullptr);
  or_damaged([&] {
    for (const ManifestFile& file : manifest_.files) check_file(file);
    for (const ManifestTensor& tensor : manifest_.tensors)
      for (const Piece& piece : tensor.pieces) read_piece(tensor, piece, nothing);
  });
}

}  // namespace trireme::store
