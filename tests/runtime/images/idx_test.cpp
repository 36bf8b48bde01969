#include "runtime/data/images/idx.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/data/inflate.h"
#include "tests/runtime/images/image_files.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using test::gzip;
using test::idx;
using test::message_of;

class Idx : public testing::Test {
 protected:
  std::shared_ptr<const ImageSet> read(const std::string& images, const std::string& labels) {
    return read_idx({.images = folder_.write("images", images), .labels = folder_.write("labels", labels)});
  }
  void expect_error(const std::string& images, const std::string& labels, const std::string& words,
                    const std::string& file = "images") {
    const std::string message = message_of<Error>([&] { (void)read(images, labels); });
    EXPECT_NE(message.find(words), std::string::npos) << "expected \"" << words << "\", found: " << message;
    EXPECT_NE(message.find(folder_ / file), std::string::npos) << message;
  }

  test::ScratchFolder folder_;
  const std::string images_ = idx({3, 2, 2}, "abcdefghijkl"), labels_ = idx({3}, std::string("\1\0\7", 3));
};

TEST_F(Idx, PlainAndGzipped) {
  for (const bool packed : {false, true}) {
    const auto set = packed ? read(gzip(images_), gzip(labels_)) : read(images_, labels_);
    EXPECT_EQ(set->shape(), (ImageShape{2, 2, 1}));
    ASSERT_EQ(set->size(), 3);
    EXPECT_EQ(std::vector(set->labels().begin(), set->labels().end()), (std::vector<std::int32_t>{1, 0, 7}));
    std::string pixels(4, ' ');
    set->read(1, reinterpret_cast<std::uint8_t*>(pixels.data()), nullptr);
    EXPECT_EQ(pixels, "efgh");
  }
  EXPECT_EQ(read(idx({1, 1, 2, 3}, "abcdef"), idx({1}, "\2"))->shape(), (ImageShape{1, 2, 3}));
}

TEST_F(Idx, ALabelOutOfRangeIsNamedWithItsRecord) {
  const auto set = read(images_, labels_);
  EXPECT_NO_THROW(check_labels(*set, 8));
  const std::string message = message_of<Error>([&] { check_labels(*set, 7); });
  EXPECT_NE(message.find("labels: record 2: expected a label below 7 found 7"), std::string::npos) << message;
}

TEST_F(Idx, DamagedFilesAreNamed) {
  expect_error("", labels_, "expected an IDX file, found 0 bytes");
  expect_error("GIF89a..........", labels_, "expected the magic number of an IDX file");
  expect_error(images_.substr(0, 9), labels_, "the header is cut short");
  expect_error(images_.substr(0, images_.size() - 1), labels_, "promises 3 x 2 x 2 bytes, and 11 follow it");
  expect_error(images_ + "x", labels_, "and 13 follow it");
  expect_error(idx({0xffffffffu, 0xffffffffu, 0xffffffffu}, "abc"), labels_, "promises 4294967295 x 4294967295");
  expect_error(idx({0, 2, 2}, ""), idx({0}, ""), "picture", "labels");
  expect_error(labels_, labels_, "expected images, found an array of 1 dimensions");
  expect_error(images_, images_, "expected labels, found an array of 3 dimensions", "labels");
  expect_error(images_, idx({2}, "\1\2"), "expected a label for each of 3 images", "labels");
  std::string floats = images_;
  floats[2] = 13;
  expect_error(floats, labels_, "expected elements of one unsigned byte (type 8), found type 13");
  EXPECT_NE(message_of<Error>([&] {
              (void)read_idx({.images = folder_ / "absent", .labels = folder_.write("labels", labels_)});
            }).find("No such file"),
            std::string::npos);
}

TEST_F(Idx, DamagedGzipIsAnError) {
  const std::string packed = gzip(images_);
  expect_error(packed.substr(0, packed.size() / 2), labels_, "gzip data are cut short");
  expect_error(packed.substr(0, 12), labels_, "gzip data are cut short");
  std::string flipped = packed;
  flipped[flipped.size() - 6] ^= 0x55;  // the checksum
  expect_error(flipped, labels_, "damaged gzip data");
  flipped = packed;
  flipped[12] ^= 0x7f;
  expect_error(flipped, labels_, "gzip data");
  expect_error(packed + "and more", labels_, "damaged gzip data");
}

TEST_F(Idx, AGzipBombIsLeftAlone) {
  const std::string bomb = gzip(std::string(std::size_t{64} << 20, '\0'));
  ASSERT_LT(bomb.size(), 100000u);
  const std::string path = folder_.write("bomb", bomb);
  const std::string message = message_of<Error>([&] { (void)read_maybe_gzip("data", path, 1 << 20); });
  EXPECT_NE(message.find("bomb: expands to more than 1048576 bytes"), std::string::npos) << message;
  EXPECT_EQ(read_maybe_gzip("data", path, std::int64_t{64} << 20).size(), std::size_t{64} << 20);
  EXPECT_THROW(read_maybe_gzip("data", folder_.write("plain", std::string(1001, 'x')), 1000), Error);
  EXPECT_THROW(read_idx({.images = path, .labels = path, .max_bytes = 1 << 20}), Error);
}

TEST_F(Idx, GzipMayHaveSeveralMembers) {
  EXPECT_EQ(read_maybe_gzip("data", folder_.write("two", gzip("one, ") + gzip("two")), 100), "one, two");
}

}  // namespace
}  // namespace trireme::data
