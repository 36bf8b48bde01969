#include "runtime/store/manifest.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "runtime/base/checksum.h"
#include "runtime/base/json.h"
#include "runtime/base/sizes.h"
#include "runtime/store/tiling.h"

namespace trireme::store {
namespace {

using nlohmann::json;
constexpr std::string_view op = "checkpoint";

// The text begins {"trireme_checkpoint":1,"checksum":"<16 digits>", and the checksum is that of the whole text with
// zeros for the digits: it holds for the bytes, not for a way of printing JSON.
constexpr std::string_view before_version = "{\"trireme_checkpoint\":";
constexpr std::string_view before_checksum = ",\"checksum\":\"";
const std::string no_checksum(16, '0');

std::string seal(const json& body, int version) {
  std::string text(before_version);
  text += std::to_string(version);
  text += before_checksum;
  const std::size_t at = text.size();
  text += no_checksum + "\"," + body.dump(1).substr(1) + "\n";
  text.replace(at, 16, to_hex(checksum_of(text)));
  return text;
}

void check_seal(const std::string& source, std::string_view text) {
  const auto damaged = [&](std::string_view what) {
    fail(op, source + ": the manifest is damaged (" + std::string(what) + "); use another checkpoint");
  };
  if (!text.starts_with(before_version)) damaged("it does not begin as one");
  text.remove_prefix(before_version.size());
  int version = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), version);
  if (parsed.ec != std::errc() || version < 1) damaged("no format version");
  if (version > manifest_version)
    fail(op, source + ": expected format version", manifest_version, "or older, found", version,
         "- it was written by a newer trireme; read it with that one");
  const std::size_t head = before_version.size() + static_cast<std::size_t>(parsed.ptr - text.data());
  text.remove_prefix(head - before_version.size());
  if (!text.starts_with(before_checksum) || text.size() < before_checksum.size() + 16) damaged("no checksum");
  const std::string_view found = text.substr(before_checksum.size(), 16);
  std::string whole = std::string(before_version) + std::to_string(version) + std::string(text);
  whole.replace(head + before_checksum.size(), 16, no_checksum);
  if (to_hex(checksum_of(whole)) != found) damaged("its checksum does not match");
}

std::uint64_t parse_hex(const std::string& digits) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  require(parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size() && digits.size() == 16, op,
          "expected 16 hexadecimal digits, found", digits);
  return value;
}

// A whole number of zero or more.
std::int64_t count_in(const json& object, const char* key) {
  const json& value = object.at(key);
  require(value.is_number_unsigned() && value.get<std::uint64_t>() <= std::uint64_t{1} << 60, op,
          "expected a count for", key);
  return value.get<std::int64_t>();
}

json as_json(const ManifestFile& file) {
  return {{"name", file.name},
          {"bytes", file.bytes},
          {"header_bytes", file.header_bytes},
          {"header_xxh3", to_hex(file.header_checksum)}};
}

json as_json(const ManifestTensor& tensor) {
  json pieces = json::array();
  for (const Piece& piece : tensor.pieces) {
    json entry{{"file", piece.file},
               {"offset", piece.offset},
               {"begin", piece.begin},
               {"count", piece.count},
               {"xxh3", to_hex(piece.checksum)}};
    if (piece.in_runs()) entry.update({{"run", piece.run}, {"stride", piece.stride}});
    pieces.push_back(std::move(entry));
  }
  return {{"name", tensor.name},
          {"dtype", std::string(name_of(tensor.dtype))},
          {"shape", std::vector<std::int64_t>(tensor.shape.begin(), tensor.shape.end())},
          {"pieces", std::move(pieces)}};
}

ManifestFile file_from(const json& object) {
  ManifestFile file{.name = object.at("name").get<std::string>(),
                    .bytes = count_in(object, "bytes"),
                    .header_bytes = count_in(object, "header_bytes"),
                    .header_checksum = parse_hex(object.at("header_xxh3").get<std::string>())};
  const bool plain = std::all_of(file.name.begin(), file.name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
  require(plain && !file.name.empty() && file.name.front() != '.', op,
          "expected the plain name of a file inside the folder, found", file.name);
  require(file.header_bytes <= file.bytes, op, "expected a header inside file", file.name);
  return file;
}

ManifestTensor tensor_from(const json& object) {
  ManifestTensor tensor{.name = object.at("name").get<std::string>(),
                        .dtype = dtype_from_name(object.at("dtype").get<std::string>()),
                        .shape = {},
                        .pieces = {}};
  std::vector<std::int64_t> sizes;
  for (const json& size : object.at("shape")) {
    require(size.is_number_unsigned(), op, "expected sizes of zero or more for", tensor.name);
    sizes.push_back(size.get<std::int64_t>());
  }
  tensor.shape = Shape(sizes);
  (void)checked_bytes(op, "tensor " + tensor.name, sizes, tensor.dtype);
  for (const json& entry : object.at("pieces")) {
    Piece piece{.file = count_in(entry, "file"),
                .offset = count_in(entry, "offset"),
                .begin = count_in(entry, "begin"),
                .count = count_in(entry, "count"),
                .checksum = parse_hex(entry.at("xxh3").get<std::string>())};
    if (entry.contains("run")) {
      piece.run = count_in(entry, "run");
      piece.stride = count_in(entry, "stride");
      require(piece.run > 0 && piece.stride >= piece.run && piece.count > 0 && piece.count % piece.run == 0, op,
              "expected whole runs no longer than their stride in", tensor.name);
    }
    tensor.pieces.push_back(piece);
  }
  return tensor;
}

}  // namespace

std::string to_text(const Manifest& manifest) {
  int version = 1;
  for (const ManifestTensor& tensor : manifest.tensors)
    for (const Piece& piece : tensor.pieces)
      if (piece.in_runs()) version = 2;
  try {
    json body{
        {"step", manifest.step}, {"metadata", manifest.metadata}, {"files", json::array()}, {"tensors", json::array()}};
    for (const ManifestFile& file : manifest.files) body["files"].push_back(as_json(file));
    for (const ManifestTensor& tensor : manifest.tensors) body["tensors"].push_back(as_json(tensor));
    return seal(body, version);
  } catch (const json::exception& error) {
    fail(op, "expected names and metadata in UTF-8:", error.what());
  }
}

Manifest parse_manifest(const std::string& source, std::string_view text) {
  check_seal(source, text);
  try {
    const json body = parse_json(op, source, text, 8);
    Manifest manifest;
    manifest.step = count_in(body, "step");
    manifest.metadata = body.at("metadata").get<Metadata>();
    for (const json& file : body.at("files")) manifest.files.push_back(file_from(file));
    for (const json& tensor : body.at("tensors")) manifest.tensors.push_back(tensor_from(tensor));
    return manifest;
  } catch (const json::exception& error) {
    fail(op, source + ": the manifest does not have the expected form:", error.what());
  } catch (const Error& error) {
    const std::string_view words = error.what();
    if (words.find(source) != std::string_view::npos) throw;
    fail(op, source + ":", words.substr(std::min(words.find("] ") + 2, words.size())));
  }
}

Manifest join(const std::vector<Manifest>& parts) {
  Manifest whole;
  std::unordered_map<std::string, std::size_t> index;
  for (const Manifest& part : parts) {
    const auto first_file = static_cast<std::int64_t>(whole.files.size());
    whole.files.insert(whole.files.end(), part.files.begin(), part.files.end());
    for (const ManifestTensor& tensor : part.tensors) {
      const auto [at, added] = index.emplace(tensor.name, whole.tensors.size());
      if (added) whole.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, {}});
      ManifestTensor& joined = whole.tensors[at->second];
      if (joined.dtype != tensor.dtype || !(joined.shape == tensor.shape))
        fail(op, "tensor", tensor.name, "is", joined.dtype, joined.shape, "for one writer and", tensor.dtype,
             tensor.shape, "for another");
      for (Piece piece : tensor.pieces) {
        piece.file += first_file;
        joined.pieces.push_back(piece);
      }
    }
  }
  return whole;
}

void check_complete(const std::string& source, Manifest& manifest) {
  std::unordered_set<std::string> names;
  for (const ManifestFile& file : manifest.files)
    if (!names.insert(file.name).second) fail(op, source + ": expected each file once, found", file.name, "twice");
  names.clear();
  for (ManifestTensor& tensor : manifest.tensors) {
    if (!names.insert(tensor.name).second)
      fail(op, source + ": expected each tensor once, found", tensor.name, "twice");
    check_tiling(source, tensor);
    for (const Piece& piece : tensor.pieces) {
      if (piece.file >= static_cast<std::int64_t>(manifest.files.size()))
        fail(op, source + ": tensor", tensor.name, "names file", piece.file, "of", manifest.files.size());
      const ManifestFile& file = manifest.files[static_cast<std::size_t>(piece.file)];
      if (piece.offset < file.header_bytes || piece.offset > file.bytes ||
          piece.count * size_of(tensor.dtype) > file.bytes - piece.offset)
        fail(op, source + ": tensor", tensor.name, "has a piece outside its file", file.name);
    }
  }
}

}  // namespace trireme::store
