#include "runtime/store/safetensors.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <numeric>

#include "runtime/base/philox.h"
#include "tests/support/scratch_folder.h"

namespace trireme::store {
namespace {

using test::message_of;
using test::read_file;
using test::ScratchFolder;

// A file with this JSON header, its true length in front, and `data` bytes of data.
std::string with_header(const std::string& json, std::size_t data = 0) {
  const std::uint64_t length = json.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + json + std::string(data, 'x');
}

std::string error_of(const std::string& bytes) {
  const ScratchFolder folder;
  const std::string path = folder.write("a.safetensors", bytes);
  return message_of<Error>([&] { SafetensorsReader reader(path); });
}

void expect_error(const std::string& bytes, const std::string& words) {
  const std::string message = error_of(bytes);
  EXPECT_NE(message.find(words), std::string::npos) << "expected \"" << words << "\", found: " << message;
  EXPECT_NE(message.find("a.safetensors"), std::string::npos) << message;
}

template <class T>
std::vector<T> read_all(const SafetensorsReader& reader, std::string_view name) {
  const StoredTensor* tensor = reader.find(name);
  EXPECT_NE(tensor, nullptr) << name;
  EXPECT_EQ(tensor->dtype, dtype_of<T>);
  std::vector<T> values(static_cast<std::size_t>(tensor->shape.numel()));
  reader.read(*tensor, 0, tensor->shape.numel(), values.data());
  return values;
}

// What the safetensors 0.8.0 Python package wrote for six NumPy arrays.
std::string written_by_reference() {
  std::string json = R"({"__metadata__":{"format":"pt","note":"café"},)"
                     R"("a":{"dtype":"I64","shape":[3],"data_offsets":[0,24]},)"
                     R"("scalar":{"dtype":"F64","shape":[],"data_offsets":[24,32]},)"
                     R"("b.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[32,56]},)"
                     R"("none":{"dtype":"F32","shape":[0,4],"data_offsets":[56,56]},)"
                     R"("half":{"dtype":"F16","shape":[2],"data_offsets":[56,60]},)"
                     R"("u":{"dtype":"U8","shape":[1],"data_offsets":[60,61]}})";
  json.append((8 - json.size() % 8) % 8, ' ');
  std::string bytes = with_header(json);
  const auto append = [&](auto value) { bytes.append(reinterpret_cast<const char*>(&value), sizeof value); };
  for (std::int64_t value : {1, -2, 3}) append(value);
  append(3.25);
  for (int i = 0; i < 6; ++i) append(static_cast<float>(i) - 1.5f);
  append(std::uint16_t{0x3800});
  append(std::uint16_t{0x4000});
  append(std::uint8_t{7});
  return bytes;
}

TEST(Safetensors, ReadsWhatTheReferenceImplementationWrites) {
  const ScratchFolder folder;
  const SafetensorsReader reader(folder.write("ref.safetensors", written_by_reference()));
  EXPECT_EQ(reader.metadata().at("note"), "café");
  EXPECT_EQ(read_all<std::int64_t>(reader, "a"), (std::vector<std::int64_t>{1, -2, 3}));
  EXPECT_EQ(read_all<float>(reader, "b.weight"), (std::vector<float>{-1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 3.5f}));
  EXPECT_EQ(reader.find("b.weight")->shape, (Shape{2, 3}));
  EXPECT_EQ(reader.find("scalar")->shape, Shape{});
  EXPECT_EQ(read_all<double>(reader, "scalar"), std::vector<double>{3.25});
  EXPECT_EQ(reader.find("none")->shape, (Shape{0, 4}));
  EXPECT_EQ(read_all<std::uint8_t>(reader, "u"), std::vector<std::uint8_t>{7});
  EXPECT_EQ(reader.find("absent"), nullptr);
  float two[2];
  reader.read(*reader.find("b.weight"), 3, 2, two);
  EXPECT_EQ(two[0], 1.5f);
  EXPECT_EQ(two[1], 2.5f);
  EXPECT_THROW(reader.read(*reader.find("b.weight"), 5, 2, two), Error);
}

TEST(Safetensors, WritesTheSameBytesAsTheReferenceImplementation) {
  const ScratchFolder folder;
  const std::string path = folder / "own.safetensors";
  SafetensorsWriter writer(path,
                           {{"u", DType::u8, {1}},
                            {"half", DType::f16, {2}},
                            {"b.weight", DType::f32, {2, 3}},
                            {"none", DType::f32, {0, 4}},
                            {"a", DType::i64, {3}},
                            {"scalar", DType::f64, {}}},
                           {{"format", "pt"}, {"note", "café"}});
  const std::uint8_t u = 7;
  const std::uint16_t half[2] = {0x3800, 0x4000};
  const float b[6] = {-1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 3.5f};
  const std::int64_t a[3] = {1, -2, 3};
  const double scalar = 3.25;
  writer.write("u", 0, 1, &u);
  writer.write("b.weight", 0, 4, b);
  writer.write("half", 0, 2, half);
  writer.write("a", 0, 3, a);
  writer.write("b.weight", 4, 2, b + 4);
  writer.write("scalar", 0, 1, &scalar);
  writer.finish();
  EXPECT_EQ(read_file(path), written_by_reference());
}

TEST(Safetensors, EveryDTypeKeepsItsName) {
  const ScratchFolder folder;
  const std::string path = folder / "types.safetensors";
  const std::vector<DType> dtypes{DType::f32, DType::bf16, DType::f16, DType::f64,
                                  DType::i32, DType::i64,  DType::u8,  DType::u16};
  std::vector<TensorSpec> specs;
  specs.reserve(dtypes.size());
  for (DType dtype : dtypes) specs.push_back({std::string(name_of(dtype)), dtype, {3}});
  SafetensorsWriter writer(path, specs);
  const char data[24] = "0123456789abcdefghijklm";
  for (const TensorSpec& spec : specs) writer.write(spec.name, 0, 3, data);
  writer.finish();
  const SafetensorsReader reader(path);
  for (DType dtype : dtypes) EXPECT_EQ(reader.find(name_of(dtype))->dtype, dtype);
}

// More than one call of the system can take.
TEST(Safetensors, LongRangesAreWrittenWhole) {
  const ScratchFolder folder;
  const std::string path = folder / "long.safetensors";
  std::vector<std::int32_t> values(5 << 20);  // 20 MiB
  std::iota(values.begin(), values.end(), 0);
  const auto count = static_cast<std::int64_t>(values.size());
  SafetensorsWriter writer(path, {{"w", DType::i32, {count}}});
  writer.write("w", 0, count, values.data());
  writer.finish();
  const SafetensorsReader reader(path);
  EXPECT_TRUE(read_all<std::int32_t>(reader, "w") == values);
}

TEST(Safetensors, AnUnfinishedFileIsRemoved) {
  const ScratchFolder folder;
  const std::string path = folder / "half.safetensors";
  {
    SafetensorsWriter writer(path, {{"w", DType::f32, {4}}});
    const float data[4] = {};
    writer.write("w", 0, 2, data);
    EXPECT_THROW(writer.write("w", 3, 1, data), Error) << "a gap";
    EXPECT_THROW(writer.write("w", 2, 3, data), Error) << "past the end";
    EXPECT_THROW(writer.write("v", 0, 1, data), Error) << "not declared";
    EXPECT_THROW(writer.finish(), Error) << "two elements are missing";
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Safetensors, AFileInTheWayIsKept) {
  const ScratchFolder folder;
  const std::string path = folder.write("there.safetensors", "precious");
  EXPECT_THROW(SafetensorsWriter(path, {{"w", DType::f32, {4}}}), Error);
  EXPECT_EQ(read_file(path), "precious");
}

TEST(Safetensors, NamesMustBeUniqueAndUtf8) {
  const ScratchFolder folder;
  EXPECT_THROW(SafetensorsWriter(folder / "a", {{"w", DType::f32, {1}}, {"w", DType::f32, {1}}}), Error);
  EXPECT_THROW(SafetensorsWriter(folder / "b", {{"w", DType::f32, {1}}, {"w", DType::u8, {1}}}), Error);
  EXPECT_THROW(SafetensorsWriter(folder / "c", {{"\xff", DType::f32, {1}}}), Error);
  EXPECT_THROW(SafetensorsWriter(folder / "d", {{"__metadata__", DType::f32, {1}}}), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Safetensors, HostileHeadersAreRefused) {
  const std::string tensor = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  EXPECT_EQ(error_of(with_header("{\"w\":" + tensor + "}", 8)), "no error");
  EXPECT_EQ(error_of(with_header("{\"w\":" + tensor + "}   ", 8)), "no error");
  expect_error("", "at least 8 bytes");
  expect_error("1234567", "at least 8 bytes");
  expect_error(std::string(8, '\0'), "begins with {");
  expect_error(std::string(8, '\xff') + "{}", "claims");
  expect_error(std::string("\x03\0\0\0\0\0\0\0{}", 10), "claims 3 bytes");
  expect_error(with_header("[]"), "begins with {");
  expect_error(with_header("{\"w\":" + tensor), "is not JSON");
  expect_error(with_header("{\"w\":" + tensor + "}}", 8), "is not JSON");
  expect_error(with_header("{\"w\":" + tensor + ",\"w\":" + tensor + "}", 8), "twice");
  expect_error(with_header("{\"\xff\":" + tensor + "}", 8), "is not JSON");
  expect_error(with_header("{\"w\":" + tensor + "}", 9), "expected the file to end at");
  expect_error(with_header("{\"w\":" + tensor + "}", 7), "cut short");
  expect_error(with_header(R"({"w":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}})", 8), "dtype F33");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8), "needs 12 bytes");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})", 9), "hole or an overlap");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8), "needs 8 bytes");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8), "negative");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8), "not whole");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551616]}})", 8),
               "too large");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", 8),
               "impossible");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})"),
               "impossibly");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})"),
               "impossibly");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[1,1,1,1,1,1,2],"data_offsets":[0,8]}})", 8), "dimensions");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[2]}})", 8), "lacks");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0]}})", 8), "two data_offsets");
  expect_error(with_header(R"({"w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
               "repeated key");
  expect_error(with_header(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", 8), "unknown");
  expect_error(with_header(R"({"w":{"dtype":"","shape":[2],"data_offsets":[0,8]}})", 8), "empty dtype");
  expect_error(with_header(R"({"w":[[[[[[[[[[[[]]]]]]]]]]]]})"), "a list");
  expect_error(with_header("{\"w\":" + std::string(1000000, '[')), "a list");
  expect_error(with_header(R"({"__metadata__":{"a":1}})"), "a number");
  expect_error(with_header(R"({"__metadata__":{"a":{"b":"c"}}})"), "an object");
  expect_error(with_header(R"({"__metadata__":{"a":"1","a":"2"}})"), "twice");
  expect_error(with_header(R"({"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":)" + tensor + "}", 8),
               "overlap");
}

TEST(Safetensors, AHeaderLengthIsNotBelievedBeforeItIsChecked) {
  const ScratchFolder folder;
  const std::string path =
      folder.write("sparse.safetensors", std::string("\xff\xe0\xf5\x05\0\0\0\0", 8) + "{");  // 99,999,999
  std::filesystem::resize_file(path, 200'000'000);
  EXPECT_THROW(SafetensorsReader{path}, Error);
  const std::string larger =
      folder.write("larger.safetensors", std::string("\x01\xe1\xf5\x05\0\0\0\0", 8) + "{");  // 100,000,001
  std::filesystem::resize_file(larger, 200'000'000);
  EXPECT_NE(message_of<Error>([&] { SafetensorsReader reader(larger); }).find("claims"), std::string::npos);
}

TEST(Safetensors, OnlyRegularFilesAreOpened) {
  const ScratchFolder folder;
  const std::string fifo = folder / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto error = [](const std::string& path) { return message_of<Error>([&] { SafetensorsReader reader(path); }); };
  EXPECT_NE(error(fifo).find("found a FIFO"), std::string::npos) << error(fifo);
  EXPECT_NE(error(folder.path()).find("found a folder"), std::string::npos) << error(folder.path());
  EXPECT_NE(error("/dev/null").find("found a device"), std::string::npos) << error("/dev/null");
  EXPECT_NE(error(folder / "absent").find("No such file"), std::string::npos) << error(folder / "absent");
}

// Random damage to a good file: each copy is read whole or refused with an Error.
TEST(Safetensors, RandomDamageNeverDoesMoreThanThrow) {
  const std::string good = written_by_reference();
  const std::string tokens[] = {"{", "}",  "[",   "]",           ",",    ":",    "\"",
                                "0", "-1", "1e9", "99999999999", "null", "true", "\\u0000"};
  const ScratchFolder folder;
  int refused = 0;
  for (std::uint64_t trial = 0; trial < 4000; ++trial) {
    const PhiloxBlock words = philox({7, 7}, trial);
    std::string bytes = good;
    const std::size_t at = words[0] % bytes.size();
    switch (words[1] % 5) {
      case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << (words[2] % 8))); break;
      case 1: bytes.resize(at); break;
      case 2: bytes.erase(at, 1 + words[2] % 9); break;
      case 3: bytes.insert(at, tokens[words[2] % std::size(tokens)]); break;
      default: bytes.replace(at, 1 + words[3] % 3, tokens[words[2] % std::size(tokens)]); break;
    }
    if (words[1] % 5 >= 2 && at >= 8 && words[3] % 2) {  // a length that still fits, so that the parser gets further
      const std::uint64_t length = bytes.size() - 61 - 8;
      std::memcpy(bytes.data(), &length, 8);
    }
    const std::string path = folder.write("damaged.safetensors", bytes);
    try {
      const SafetensorsReader reader(path);
      for (const StoredTensor& tensor : reader.tensors()) {
        std::string data(static_cast<std::size_t>(tensor.bytes), '\0');
        reader.read(tensor, 0, tensor.shape.numel(), data.data());
      }
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 2000);
  EXPECT_LT(refused, 4000) << "damage to the data alone goes unnoticed here: checksums are the checkpoint's part";
}

}  // namespace
}  // namespace trireme::store
