#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/base/host.h"
#include "runtime/base/sizes.h"
#include "runtime/store/checkpoint.h"
#include "runtime/base/checksum.h"

namespace trireme::store {
namespace {

constexpr std::string_view op = "checkpoint";
constexpr std::int64_t chunk_bytes = std::int64_t{1} << 20;  // small enough to be hashed and written from the cache

bool is_plain(std::string_view name) {
  return !name.empty() && name.front() != '.' &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyz"
             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == std::string_view::npos;
}

}  // namespace

std::string unique_tag() {
  std::string tag = host_name();
  std::replace_if(
      tag.begin(), tag.end(), [](char c) { return !is_plain(std::string_view(&c, 1)); }, '-');
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return tag + "-" + std::to_string(::getpid()) + "-" +
         std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

std::string slice_name(std::string_view tensor, std::int64_t begin, std::int64_t end) {
  return std::string(tensor) + "[" + std::to_string(begin) + ":" + std::to_string(end) + "]";
}

std::string slice_name(std::string_view tensor, const Slice& runs) {
  const std::int64_t end = runs.begin + (runs.count / runs.run - 1) * runs.stride + runs.run;
  return std::string(tensor) + "[" + std::to_string(runs.begin) + ":" + std::to_string(end) + ":" +
         std::to_string(runs.run) + "/" + std::to_string(runs.stride) + "]";
}

CheckpointWriter::CheckpointWriter(CheckpointOptions options) : options_(std::move(options)) {
  require(options_.writers >= 1 && options_.writer >= 0 && options_.writer < options_.writers, op,
          "expected a writer index below", options_.writers, "found", options_.writer);
  if (options_.tag.empty() && options_.writers == 1) options_.tag = unique_tag();
  require(is_plain(options_.tag), op, "expected a tag of letters, digits, '.', '_' and '-', found", options_.tag);
  require(options_.piece_bytes >= 8, op, "expected pieces of at least 8 bytes, found", options_.piece_bytes);
  require(options_.step >= 0, op, "expected a step of zero or more, found", options_.step);
  aside_ = options_.path + ".tmp-" + options_.tag;
  make_folder(op, aside_, options_.fault);
}

CheckpointWriter::~CheckpointWriter() {
  std::error_code ignored;
  if (!handed_over_)
    for (const std::string& path : written_) std::filesystem::remove(path, ignored);
  if (options_.writer == 0 && !published_) std::filesystem::remove_all(aside_, ignored);
}

void CheckpointWriter::add(Slice slice, const void* data) {
  require(!handed_over_, op, "expected all slices before finish_part()");
  const std::int64_t numel =
      checked_bytes(op, "tensor " + slice.name, {slice.shape.begin(), slice.shape.end()}, slice.dtype) /
      size_of(slice.dtype);
  if (slice.count < 0) slice.count = numel - slice.begin;
  if (slice.begin < 0 || slice.count < 0 || slice.begin > numel || slice.count > numel - slice.begin)
    fail(op, "tensor", slice.name, "has", numel, "elements, found a slice of", slice.count, "from", slice.begin);
  if (slice.run > 0 && (slice.count == 0 || slice.count % slice.run != 0 || slice.stride < slice.run ||
                        slice.count / slice.run - 1 > (numel - slice.begin - slice.run) / slice.stride))
    fail(op, "tensor", slice.name, "has", numel, "elements, found a slice of", slice.count, "in runs of", slice.run,
         "every", slice.stride, "from", slice.begin);
  require(is_plain(slice.file), op, "expected a file stem of letters, digits, '.', '_' and '-', found", slice.file);
  std::vector<Planned>& file = planned_[slice.file];
  file.push_back({std::move(slice), data});
}

std::string CheckpointWriter::finish_part() {
  require(!handed_over_, op, "expected finish_part() once");
  Manifest part;
  part.step = options_.step;
  for (const auto& [stem, slices] : planned_) write_file(stem, slices, part);
  handed_over_ = true;
  return to_text(part);
}

std::string CheckpointWriter::file_name(const std::string& stem) const {
  if (options_.writers == 1) return stem + ".safetensors";
  std::array<char, 32> part{};
  std::snprintf(part.data(), part.size(), "-%05d-of-%05d", options_.writer + 1, options_.writers);
  return stem + part.data() + ".safetensors";
}

std::string CheckpointWriter::part_path(int writer) const {
  return aside_ + "/part-" + std::to_string(writer);
}

void CheckpointWriter::leave_part(const std::string& part) {
  const std::string path = part_path(options_.writer), unfinished = path + ".new";
  OutputFile file(op, unfinished, options_.fault);
  file.write(0, part.data(), static_cast<std::int64_t>(part.size()));
  file.finish();
  rename_file(op, unfinished, path, options_.fault);  // there is all of it or nothing
}

std::vector<std::string> CheckpointWriter::parts_left() const {
  std::vector<std::string> parts;
  for (int writer = 0; writer < options_.writers; ++writer) {
    std::ifstream file(part_path(writer), std::ios::binary);
    if (!file) return {};
    parts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    if (file.bad()) fail(op, part_path(writer) + ": cannot be read");
  }
  return parts;
}

void CheckpointWriter::write_file(const std::string& stem, const std::vector<Planned>& slices, Manifest& part) {
  std::vector<TensorSpec> specs;
  std::map<std::string, const Planned*> entries;
  for (const Planned& planned : slices) {
    const Slice& slice = planned.slice;
    const bool whole = slice.begin == 0 && slice.count == slice.shape.numel();
    const std::string entry = slice.run > 0 ? slice_name(slice.name, slice)
                              : whole       ? slice.name
                                            : slice_name(slice.name, slice.begin, slice.begin + slice.count);
    specs.push_back({entry, slice.dtype,
                     slice.run > 0 ? Shape{slice.count / slice.run, slice.run}
                     : whole       ? slice.shape
                                   : Shape{slice.count}});
    if (!entries.emplace(entry, &planned).second) fail(op, "expected each slice once, found", entry, "twice");
  }
  const std::string name = file_name(stem);
  const std::string path = aside_ + "/" + name;
  SafetensorsWriter file(path, std::move(specs), {{"format", "pt"}}, options_.fault);
  written_.push_back(path);
  const SafetensorsHeader& header = file.header();
  part.files.push_back({name, header.bytes, header.bytes, checksum_of(file.header_text())});
  for (const StoredTensor& stored : header.tensors) {
    write_slice(file, stored.name, *entries.at(stored.name), part);
    part.files.back().bytes += stored.bytes;
  }
  file.finish();
}

void CheckpointWriter::write_slice(SafetensorsWriter& file, std::string_view entry, const Planned& planned,
                                   Manifest& part) {
  const Slice& slice = planned.slice;
  const std::int64_t width = size_of(slice.dtype);
  const std::int64_t offset = file.find(entry).offset;
  ManifestTensor tensor{slice.name, slice.dtype, slice.shape, {}};
  std::int64_t per_piece = options_.piece_bytes / width;
  if (slice.run > 0) per_piece = std::max(per_piece / slice.run, std::int64_t{1}) * slice.run;
  for (std::int64_t first = 0; first < slice.count; first += per_piece) {
    const std::int64_t end = std::min(first + per_piece, slice.count);
    Checksum checksum;
    for (std::int64_t at = first; at < end; at += chunk_bytes / width) {
      const std::int64_t count = std::min(chunk_bytes / width, end - at);
      const char* data = static_cast<const char*>(planned.data) + at * width;
      checksum.update(data, count * width);
      file.write(entry, at, count, data);
    }
    tensor.pieces.push_back({.file = static_cast<std::int64_t>(part.files.size()) - 1,
                             .offset = offset + first * width,
                             .begin = slice.begin + (slice.run > 0 ? first / slice.run * slice.stride : first),
                             .count = end - first,
                             .checksum = checksum.value(),
                             .run = slice.run,
                             .stride = slice.stride});
  }
  part.tensors.push_back(std::move(tensor));
}

void CheckpointWriter::publish(std::span<const std::string> parts, Metadata metadata) {
  require(options_.writer == 0, op, "expected writer 0 to publish, found writer", options_.writer);
  require(handed_over_ && !published_, op, "expected publish() once, after finish_part()");
  require(static_cast<std::int64_t>(parts.size()) == options_.writers, op, "expected", options_.writers, "parts, found",
          parts.size());
  std::vector<Manifest> described;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    described.push_back(parse_manifest("part " + std::to_string(i), parts[i]));
    if (described.back().step != options_.step)
      fail(op, aside_ + ": part", i, "is of step", described.back().step, "expected", options_.step);
  }
  Manifest manifest = join(described);
  manifest.step = options_.step;
  manifest.metadata = std::move(metadata);
  check_complete(aside_, manifest);
  for (const ManifestFile& file : manifest.files) {
    struct stat status {};
    const std::string path = aside_ + "/" + file.name;
    if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size != file.bytes)
      fail(op, path + ": expected a file of", file.bytes, "bytes from its writer; do all writers see the same folder?");
  }
  for (int writer = 0; writer < options_.writers; ++writer) std::filesystem::remove(part_path(writer));
  const std::string text = to_text(manifest);
  OutputFile file(op, aside_ + "/" + std::string(manifest_name), options_.fault);
  file.write(0, text.data(), static_cast<std::int64_t>(text.size()));
  file.finish();
  sync_folder(op, aside_, options_.fault);
  replace_folder(op, aside_, options_.path, options_.fault);
  published_ = true;
  sync_folder(op, folder_of(options_.path), options_.fault);
  std::error_code ignored;
  std::filesystem::remove_all(aside_, ignored);  // the checkpoint that was replaced, if there was one
}

}  // namespace trireme::store
