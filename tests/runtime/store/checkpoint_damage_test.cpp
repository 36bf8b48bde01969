// Every kind of damage to a finished checkpoint is found, and named.
#include <gtest/gtest.h>

#include "runtime/base/philox.h"
#include "runtime/base/checksum.h"
#include "tests/runtime/store/state.h"
#include "tests/support/scratch_folder.h"

namespace trireme::store {
namespace {

using test::message_of;
using test::read_file;
using test::ScratchFolder;

std::string open_and_verify(const std::string& path) {
  return message_of<Error>([&] { CheckpointReader(path).verify(); });
}

class CheckpointDamage : public ::testing::Test {
 protected:
  CheckpointDamage() { save_state(path_, 3, State(1)); }

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  void overwrite(const std::string& name, const std::string& bytes) const { folder_.write("c/" + name, bytes); }

  ScratchFolder folder_;
  std::string path_ = folder_ / "c";
};

TEST_F(CheckpointDamage, EveryFlippedBitOfTheDataNamesTensorAndFile) {
  const std::string good = read_file(file("optimizer.safetensors"));
  const SafetensorsReader reader(file("optimizer.safetensors"));
  const StoredTensor half = *reader.find("half");
  const StoredTensor count = *reader.find("count");
  for (std::size_t byte = 0; byte < good.size(); ++byte) {
    std::string bad = good;
    bad[byte] = static_cast<char>(bad[byte] ^ (1 << (byte % 8)));
    overwrite("optimizer.safetensors", bad);
    const std::string message = open_and_verify(path_);
    ASSERT_NE(message.find("optimizer.safetensors"), std::string::npos) << byte << ": " << message;
    const auto at = static_cast<std::int64_t>(byte);
    const auto inside = [&](const StoredTensor& t) { return at >= t.offset && at < t.offset + t.bytes; };
    if (inside(half)) {
      ASSERT_NE(message.find("tensor half"), std::string::npos) << byte << ": " << message;
    }
    if (inside(count)) {
      ASSERT_NE(message.find("tensor count"), std::string::npos) << byte << ": " << message;
    }
  }
  overwrite("optimizer.safetensors", good);
  EXPECT_EQ(open_and_verify(path_), "no error");
}

TEST_F(CheckpointDamage, ReadingATensorVerifiesWhatItTouchesAndNothingElse) {
  std::string bytes = read_file(file("model.safetensors"));
  const SafetensorsReader file_reader(file("model.safetensors"));
  const std::int64_t offset = file_reader.find("h.weight")->offset;
  bytes[static_cast<std::size_t>(offset + 4 * 500)] ^= 1;  // element 500; pieces have 64 elements
  overwrite("model.safetensors", bytes);
  const CheckpointReader reader(path_);
  std::vector<float> out(1000);
  EXPECT_THROW(reader.read("h.weight", 0, 1000, out.data()), Error);
  EXPECT_THROW(reader.read("h.weight", 511, 1, out.data()), Error) << "the same piece: elements 448 to 512";
  EXPECT_NO_THROW(reader.read("h.weight", 512, 488, out.data()));
  EXPECT_NO_THROW(reader.read("h.weight", 0, 448, out.data()));
  EXPECT_NO_THROW(reader.read("h.bias", 0, 5, out.data()));
}

TEST_F(CheckpointDamage, EveryFlippedBitOfTheManifestIsFound) {
  const std::string good = read_file(file("manifest.json"));
  for (std::size_t byte = 0; byte < good.size(); ++byte)
    for (int bit = 0; bit < 8; bit += 3) {
      std::string bad = good;
      bad[byte] = static_cast<char>(bad[byte] ^ (1 << bit));
      overwrite("manifest.json", bad);
      const std::string message = message_of<Error>([&] { CheckpointReader reader(path_); });
      ASSERT_NE(message.find("manifest.json"), std::string::npos) << byte << ": " << message;
    }
}

TEST_F(CheckpointDamage, EveryLengthOfACutFileIsFound) {
  for (const std::string name : {"manifest.json", "model.safetensors"}) {
    const std::string good = read_file(file(name));
    for (std::size_t length = 0; length < good.size(); length += name == "manifest.json" ? 17 : 41) {
      overwrite(name, good.substr(0, length));
      const std::string message = message_of<Error>([&] { CheckpointReader reader(path_); });
      ASSERT_NE(message.find(name), std::string::npos) << length << ": " << message;
    }
    overwrite(name, good + "x");
    EXPECT_NE(open_and_verify(path_), "no error") << "bytes after the end of " << name;
    overwrite(name, good);
  }
}

TEST_F(CheckpointDamage, MissingFilesAreNamed) {
  std::filesystem::rename(file("optimizer.safetensors"), folder_ / "elsewhere");
  EXPECT_NE(open_and_verify(path_).find("optimizer.safetensors: cannot be opened: No such file"), std::string::npos);
  std::filesystem::create_symlink(folder_ / "elsewhere", file("optimizer.safetensors"));
  const std::string link = message_of<Error>([&] { CheckpointReader reader(path_); });
  EXPECT_NE(link.find("found a symbolic link"), std::string::npos) << link;
  std::filesystem::remove(file("optimizer.safetensors"));
  std::filesystem::create_directory(file("optimizer.safetensors"));
  EXPECT_NE(open_and_verify(path_).find("found a folder"), std::string::npos);
  std::filesystem::remove(file("manifest.json"));
  EXPECT_NE(open_and_verify(path_).find("manifest.json: cannot be opened"), std::string::npos);
  EXPECT_NE(open_and_verify(folder_ / "absent").find("absent/manifest.json"), std::string::npos);
}

TEST_F(CheckpointDamage, ANewerFormatIsNamed) {
  std::string text = read_file(file("manifest.json"));
  const std::string key = "\"trireme_checkpoint\":";
  text.replace(text.find(key), key.size() + 1, key + "3");
  overwrite("manifest.json", text);
  const std::string message = open_and_verify(path_);
  EXPECT_NE(message.find("expected format version 2 or older, found 3"), std::string::npos) << message;
}

// The manifest with `from` replaced by `to` and a checksum that holds again.
std::string forged(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  const std::size_t digits = text.find("\"checksum\":\"") + 12;
  text.replace(digits, 16, std::string(16, '0'));
  return text.replace(digits, 16, to_hex(checksum_of(text)));
}

TEST_F(CheckpointDamage, AForgedManifestDoesNotLeaveTheFolder) {
  folder_.write("secret.safetensors", read_file(file("model.safetensors")));
  const std::string good = read_file(file("manifest.json"));
  const auto error = [&](const std::string& from, const std::string& to) {
    overwrite("manifest.json", forged(good, from, to));
    return open_and_verify(path_);
  };
  EXPECT_EQ(error("\"42\"", "\"43\""), "no error") << "a forged checksum holds";
  for (const char* name : {"../secret.safetensors", "/etc/passwd", "..", ".", "", ".hidden", "a/b", "a\\\\b", "a b"}) {
    const std::string message = error("\"model.safetensors\"", '"' + std::string(name) + '"');
    EXPECT_NE(message.find("plain name"), std::string::npos) << name << ": " << message;
  }
  EXPECT_NE(error("\"model.safetensors\"", "\"optimizer.safetensors\"").find("each file once"), std::string::npos);
  EXPECT_NE(error("\"begin\": 64,", "\"begin\": 65,").find("begins at 64"), std::string::npos);
  EXPECT_NE(error("\"count\": 64,", "\"count\": 65,"), "no error");
  const std::int64_t first = SafetensorsReader(file("model.safetensors")).tensors().front().offset;
  const std::string offset = "\"offset\": ";
  for (const std::int64_t wrong : {first - 8, std::int64_t{9999999}}) {
    const std::string message = error(offset + std::to_string(first), offset + std::to_string(wrong));
    EXPECT_NE(message.find("piece outside its file"), std::string::npos) << message;
  }
  EXPECT_NE(error("\"file\": 0", "\"file\": 9").find("names file 9"), std::string::npos);
  EXPECT_NE(error("\"file\": 0", "\"file\": -1").find("count for file"), std::string::npos);
  EXPECT_NE(error("\"file\": 0", "\"file\": 0.5").find("count for file"), std::string::npos);
  EXPECT_NE(error("\"file\": 0", "\"file\": 1e99").find("count for file"), std::string::npos);
  EXPECT_NE(error("\"file\": 0", "\"file\": [[[[[[[[[[]]]]]]]]]]").find("levels of nesting"), std::string::npos);
  EXPECT_NE(error("\"step\": 3", "\"step\": 3, \"step\": 4").find("each key once"), std::string::npos);
  EXPECT_NE(error("\"step\"", "\"stop\"").find("manifest"), std::string::npos);
  EXPECT_NE(error("\"f32\"", "\"f31\""), "no error");
  EXPECT_NE(error("   10,\n", "   -10,\n"), "no error");
  EXPECT_NE(error("   10,\n", "   4611686018427387904,\n").find("impossibly large"), std::string::npos);
}

// Random damage under a checksum that holds: the manifest is read, or refused with an Error, and then the reading is.
TEST_F(CheckpointDamage, RandomForgeriesNeverDoMoreThanThrow) {
  const std::string good = read_file(file("manifest.json"));
  const std::size_t body = good.find("\"files\"");
  const std::string tokens[] = {"{",    "}",   "[", "]", ",", ":", "\"", "-", "9", "999999999999999999",
                                "null", "1e5", "{}"};
  int refused = 0;
  for (std::uint64_t trial = 0; trial < 2000; ++trial) {
    const PhiloxBlock words = philox({5, 5}, trial);
    const std::size_t at = body + words[0] % (good.size() - body);
    std::string bad = good;
    if (words[1] % 3 == 0) bad[at] = static_cast<char>(bad[at] ^ (1 << (words[2] % 8)));
    if (words[1] % 3 == 1) bad.erase(at, 1 + words[2] % 20);
    if (words[1] % 3 == 2) bad.replace(at, words[3] % 4, tokens[words[2] % std::size(tokens)]);
    overwrite("manifest.json", forged(bad, "", ""));
    try {
      const CheckpointReader reader(path_);
      reader.verify();
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 2000) << "some of it changes white space only";
}

TEST_F(CheckpointDamage, FilesOfTwoSavesDoNotMix) {
  save_state(folder_ / "d", 4, State(2));
  std::filesystem::copy_file(folder_ / "d/model.safetensors", file("model.safetensors"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_NE(open_and_verify(path_).find("model.safetensors: tensor h."), std::string::npos);
}

}  // namespace
}  // namespace trireme::store
