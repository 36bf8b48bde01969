// A checkpoint: a folder of safetensors files and a manifest. It appears under its name complete or not at all:
// everything is written into a folder aside, made durable, and renamed.
//
//   every writer                         one of them, after a barrier
//   CheckpointWriter writer(options);
//   writer.add(slice, data); ...
//   part = writer.finish_part();   ->    writer.publish(all parts, metadata);
//
// Parts travel to the one that publishes as the caller likes, or through the folder: leave_part(), parts_left().
//
// A tensor may be stored in slices by several writers and read in any other slices.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/store/manifest.h"

namespace trireme::store {

// A checkpoint that is incomplete, or whose bytes are not those that were saved. The one before may be whole.
class DamagedCheckpoint : public Error {
 public:
  using Error::Error;
};

struct CheckpointOptions {
  std::string path;  // where the finished checkpoint is to lie; the folder above it must exist
  std::int64_t step = 0;
  int writer = 0;  // index of this writer; writer 0 publishes
  int writers = 1;
  std::string tag = {};  // different for every save and the same for all its writers: see unique_tag(); a single writer
                         // may leave it empty
  std::int64_t piece_bytes = std::int64_t{64} << 20;  // largest unit of verification
  FaultHook fault = {};
};

// Host name, process and time in plain characters: a tag for one writer to draw and to send to the others.
std::string unique_tag();

// Elements [begin, begin + count) of the flattened tensor `name`; with `run` above 0 `count` elements that lie in runs
// of so many, `stride` apart, as a block of a matrix's columns does.
struct Slice {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;  // of the whole tensor
  std::int64_t begin = 0;
  std::int64_t count = -1;     // -1: to the end
  std::string file = "model";  // slices of one file stem lie in one file: model.safetensors, optimizer.safetensors
  std::int64_t run = 0;        // divides count
  std::int64_t stride = 0;     // the length of the tensor's rows
};

// Elements [begin, begin + count) of a flattened tensor.
struct ElementRange {
  std::int64_t begin = 0;
  std::int64_t count = 0;
};

class CheckpointWriter {
 public:
  // Creates the folder aside, `path`.tmp-`tag`.
  explicit CheckpointWriter(CheckpointOptions options);
  // Removes what was written unless it was handed over by finish_part(); writer 0 removes the folder aside unless it
  // was published.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // Remembers a slice; `data` (host memory) must stay as it is until finish_part().
  void add(Slice slice, const void* data);
  // Writes this writer's files and makes them durable. The result describes them, for publish().
  std::string finish_part();
  // Instead of sending a part to writer 0: leaves it in the folder aside.
  void leave_part(const std::string& part);
  // Writer 0: the parts that the writers have left, in their order; empty while some are missing.
  std::vector<std::string> parts_left() const;
  // Writer 0, once every part is finished: checks that the parts make whole tensors, writes the manifest, renames.
  // A checkpoint that already lies at `path` is replaced.
  void publish(std::span<const std::string> parts, Metadata metadata);

  const CheckpointOptions& options() const noexcept { return options_; }

 private:
  struct Planned {
    Slice slice;
    const void* data;
  };
  void write_file(const std::string& stem, const std::vector<Planned>& slices, Manifest& part);
  void write_slice(SafetensorsWriter& file, std::string_view entry, const Planned& planned, Manifest& part);
  std::string file_name(const std::string& stem) const;
  std::string part_path(int writer) const;

  CheckpointOptions options_;
  std::string aside_;
  std::map<std::string, std::vector<Planned>> planned_;  // by file stem
  std::vector<std::string> written_;                     // paths to remove if this part fails
  bool handed_over_ = false;
  bool published_ = false;
};

// The name under which slice [begin, end) of a tensor is stored when it is not whole: "h.0.weight[128:256]".
std::string slice_name(std::string_view tensor, std::int64_t begin, std::int64_t end);
// Of a slice in runs, which is stored as a matrix with a run in each row: "h.0.proj[8:248:16/64]".
std::string slice_name(std::string_view tensor, const Slice& runs);

class CheckpointReader {
 public:
  // Checks the manifest, and the sizes and headers of the files, which must be regular files inside the folder.
  // Whatever is wrong with them is a DamagedCheckpoint.
  explicit CheckpointReader(std::string path);

  const std::string& path() const noexcept { return path_; }
  std::int64_t step() const noexcept { return manifest_.step; }
  const Metadata& metadata() const noexcept { return manifest_.metadata; }
  const std::vector<ManifestTensor>& tensors() const noexcept { return manifest_.tensors; }
  const ManifestTensor* find(const std::string& name) const;  // null when absent

  // Elements [begin, begin + count) of the flattened tensor. Every stored piece that it touches is verified: a flipped
  // bit is a DamagedCheckpoint that names tensor and file, and `out` then holds nothing to rely on. Safe from several
  // threads.
  void read(const std::string& name, std::int64_t begin, std::int64_t count, void* out) const;
  // The same for several ranges that ascend, one behind the other in `out`; a piece is read once for all of them.
  void read(const std::string& name, std::span<const ElementRange> ranges, void* out) const;
  // Reads and verifies everything.
  void verify() const;

 private:
  void check_file(const ManifestFile& file) const;
  class Wanted;
  void read_piece(const ManifestTensor& tensor, const Piece& piece, const Wanted& wanted) const;
  std::string file_path(const ManifestFile& file) const { return path_ + "/" + file.name; }

  std::string path_;
  Manifest manifest_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace trireme::store
