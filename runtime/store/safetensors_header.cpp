#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_set>

#include "runtime/base/sizes.h"
#include "runtime/store/safetensors.h"

namespace trireme::store {
namespace {

constexpr std::string_view op = "safetensors";

struct DTypeName {
  std::string_view name;
  DType dtype;
};
constexpr std::array<DTypeName, 8> dtype_names{{{"F32", DType::f32},
                                                {"BF16", DType::bf16},
                                                {"F16", DType::f16},
                                                {"F64", DType::f64},
                                                {"I32", DType::i32},
                                                {"I64", DType::i64},
                                                {"U8", DType::u8},
                                                {"U16", DType::u16}}};

// A tensor as the header tells it, before its claims are compared with each other.
struct Claim {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> offsets;
  bool has_shape = false;
};

// Takes the header token by token, so that anything unexpected ends the reading at once.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::string& path) : path_(path) {}

  std::vector<Claim> claims;
  Metadata metadata;

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) return go(Place::names);
    if (place_ == Place::metadata_value) return go(Place::metadata);
    if (place_ == Place::tensor_value) return go(Place::tensor);
    return wrong("an object");
  }
  bool end_object() override {
    if (place_ == Place::names) return go(Place::outside);
    if (place_ == Place::metadata) return go(Place::names);
    const Claim& claim = claims.back();
    if (claim.dtype.empty() || !claim.has_shape || claim.offsets.size() != 2)
      refuse("tensor", claim.name, "lacks its dtype, shape or two data_offsets");
    return go(Place::names);
  }
  bool key(std::string& key) override {
    if (place_ == Place::names) return name(key);
    if (place_ == Place::metadata) {
      if (!metadata.emplace(key, "").second) refuse("metadata key", key, "appears twice");
      key_ = key;
      return go(Place::metadata_text);
    }
    const Claim& claim = claims.back();
    if (key == "dtype" && claim.dtype.empty()) return go(Place::dtype);
    if (key == "shape" && !claim.has_shape) return go(Place::shape_value);
    if (key == "data_offsets" && claim.offsets.empty()) return go(Place::offsets_value);
    refuse("tensor", claim.name, "has an unknown or repeated key", key);
  }
  bool string(std::string& text) override {
    if (place_ == Place::metadata_text) {
      metadata[key_] = text;
      return go(Place::metadata);
    }
    if (place_ != Place::dtype) return wrong("text");
    if (text.empty()) refuse("tensor", claims.back().name, "has an empty dtype");
    claims.back().dtype = text;
    return go(Place::tensor);
  }
  bool start_array(std::size_t) override {
    if (place_ == Place::shape_value) return go(Place::shape);
    if (place_ == Place::offsets_value) return go(Place::offsets);
    return wrong("a list");
  }
  bool end_array() override {
    if (place_ == Place::shape) claims.back().has_shape = true;
    if (place_ == Place::offsets && claims.back().offsets.size() != 2)
      refuse("tensor", claims.back().name, "needs two data_offsets");
    return go(Place::tensor);
  }
  bool number_unsigned(std::uint64_t number) override {
    if (place_ != Place::shape && place_ != Place::offsets) return wrong("a number");
    Claim& claim = claims.back();
    if (number > std::uint64_t{1} << 62) refuse("tensor", claim.name, "has the impossible size or offset", number);
    std::vector<std::int64_t>& list = place_ == Place::shape ? claim.shape : claim.offsets;
    if (list.size() == std::size_t{Shape::max_dims})
      refuse("tensor", claim.name, "has more than", Shape::max_dims, "dimensions or offsets");
    list.push_back(static_cast<std::int64_t>(number));
    return true;
  }
  bool number_integer(std::int64_t) override { return wrong("a negative number"); }
  bool number_float(double, const std::string&) override { return wrong("a number that is not whole, or too large"); }
  bool boolean(bool) override { return wrong("true or false"); }
  bool null() override { return wrong("null"); }
  bool binary(nlohmann::json::binary_t&) override { return wrong("binary data"); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    refuse("is not JSON:", error.what());
  }

 private:
  enum class Place : std::uint8_t {
    outside,
    names,
    metadata_value,
    metadata,
    metadata_text,
    tensor_value,
    tensor,
    dtype,
    shape_value,
    shape,
    offsets_value,
    offsets
  };

  bool go(Place place) {
    place_ = place;
    return true;
  }
  bool name(const std::string& key) {
    if (!seen_.insert(key).second) refuse("has the name", key, "twice");
    if (key == "__metadata__") return go(Place::metadata_value);
    claims.emplace_back().name = key;
    return go(Place::tensor_value);
  }
  [[noreturn]] bool wrong(std::string_view found) {
    if (claims.empty() || place_ == Place::metadata_text) refuse("has", found, "where none belongs");
    refuse("has", found, "where none belongs, at tensor", claims.back().name);
  }
  template <class... Words>
  [[noreturn]] void refuse(const Words&... words) {
    fail(op, path_ + ": the header", words...);
  }

  const std::string& path_;
  Place place_ = Place::outside;
  std::string key_;
  std::unordered_set<std::string> seen_;
};

StoredTensor accept(const std::string& path, const Claim& claim, std::int64_t data_begin) {
  const auto known = std::find_if(dtype_names.begin(), dtype_names.end(),
                                  [&](const DTypeName& entry) { return entry.name == claim.dtype; });
  if (known == dtype_names.end())
    fail(op, path + ": tensor", claim.name, "has dtype", claim.dtype,
         "- expected F64, F32, F16, BF16, I64, I32, U16 or U8");
  const std::int64_t bytes = checked_bytes(op, path + ": tensor " + claim.name, claim.shape, known->dtype);
  const std::int64_t begin = claim.offsets[0];
  const std::int64_t end = claim.offsets[1];
  if (end < begin || end - begin != bytes)
    fail(op, path + ": tensor", claim.name, "of", claim.dtype, Shape(claim.shape), "needs", bytes,
         "bytes, found offsets", begin, "to", end);
  return {claim.name, known->dtype, Shape(claim.shape), data_begin + begin, bytes};
}

}  // namespace

SafetensorsHeader parse_safetensors_header(const std::string& path, std::string_view json, std::int64_t file_bytes) {
  if (json.empty() || json.front() != '{')
    fail(op, path + ": expected a header that begins with {, is this a safetensors file?");
  HeaderReader reader(path);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);

  SafetensorsHeader header;
  header.metadata = std::move(reader.metadata);
  header.bytes = 8 + static_cast<std::int64_t>(json.size());
  header.tensors.reserve(reader.claims.size());
  for (const Claim& claim : reader.claims) header.tensors.push_back(accept(path, claim, header.bytes));
  std::sort(header.tensors.begin(), header.tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return std::tie(a.offset, a.bytes) < std::tie(b.offset, b.bytes);
  });
  std::int64_t end = header.bytes;
  for (const StoredTensor& tensor : header.tensors) {
    if (tensor.offset != end)
      fail(op, path + ": tensor", tensor.name, "begins at offset", tensor.offset, "of the file, expected", end,
           "- the data has a hole or an overlap");
    end += tensor.bytes;
    if (end > file_bytes)
      fail(op, path + ": tensor", tensor.name, "ends at offset", end, "of the file, found only", file_bytes,
           "bytes - the file was cut short; fetch it again");
  }
  if (end != file_bytes)
    fail(op, path + ": expected the file to end at", end, "where its last tensor does, found", file_bytes, "bytes");
  return header;
}

SafetensorsHeader lay_out_safetensors(std::vector<TensorSpec> tensors, Metadata metadata, std::string& text) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorSpec& a, const TensorSpec& b) {
    return std::make_tuple(-size_of(a.dtype), std::string_view(a.name)) <
           std::make_tuple(-size_of(b.dtype), std::string_view(b.name));
  });
  SafetensorsHeader header;
  std::string json = "{";
  try {
    if (!metadata.empty()) json += "\"__metadata__\":" + nlohmann::json(metadata).dump() + ",";
    std::int64_t end = 0;
    for (TensorSpec& spec : tensors) {
      require(spec.name != "__metadata__", op, "__metadata__ is not a name for a tensor");
      if (!header.tensors.empty() && header.tensors.back().name == spec.name &&
          header.tensors.back().dtype == spec.dtype)
        fail(op, "expected each name once, found", spec.name, "twice");
      const std::int64_t bytes =
          checked_bytes(op, "tensor " + spec.name, {spec.shape.begin(), spec.shape.end()}, spec.dtype);
      const auto known = std::find_if(dtype_names.begin(), dtype_names.end(),
                                      [&](const DTypeName& entry) { return entry.dtype == spec.dtype; });
      json += nlohmann::json(spec.name).dump() + ":{\"dtype\":\"" + std::string(known->name) +
              "\",\"shape\":" + nlohmann::json(std::vector<std::int64_t>(spec.shape.begin(), spec.shape.end())).dump() +
              ",\"data_offsets\":[" + std::to_string(end) + "," + std::to_string(end + bytes) + "]},";
      header.tensors.push_back({std::move(spec.name), spec.dtype, spec.shape, end, bytes});
      end += bytes;
    }
  } catch (const nlohmann::json::exception& error) {
    fail(op, "expected names and metadata in UTF-8:", error.what());
  }
  if (json.size() > 1) json.pop_back();  // the last comma
  json += '}';
  json.append((8 - json.size() % 8) % 8, ' ');
  const std::uint64_t length = json.size();
  if (length > largest_safetensors_header) fail(op, "a header of", length, "bytes is more than readers accept");
  text.assign(8, '\0');
  std::memcpy(text.data(), &length, 8);
  text += json;
  header.metadata = std::move(metadata);
  header.bytes = static_cast<std::int64_t>(text.size());
  for (StoredTensor& tensor : header.tensors) tensor.offset += header.bytes;
  return header;
}

}  // namespace trireme::store
