// PNG and JPEG, whole and damaged, and what is made of pictures of other sizes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "runtime/base/error.h"
#include "runtime/data/images/grid.h"
#include "runtime/data/images/jpeg.h"
#include "runtime/data/images/picture_file.h"
#include "runtime/data/images/png.h"
#include "runtime/data/images/resize.h"
#include "tests/runtime/images/image_files.h"
#include "tests/runtime/images/jpeg_file.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using test::encode_jpeg;
using test::message_of;

// Smooth, so that JPEG keeps it.
Image slope(const ImageShape& shape) {
  Image image(shape);
  for (std::int64_t y = 0; y < shape.height; ++y)
    for (std::int64_t x = 0; x < shape.width; ++x)
      for (std::int64_t c = 0; c < shape.channels; ++c)
        image.at(y, x, c) = static_cast<std::uint8_t>(20 + 100 * y / shape.height + 90 * x / shape.width + 15 * c);
  return image;
}

int distance(const Image& a, const Image& b) {
  int most = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) most = std::max(most, std::abs(a.values[i] - b.values[i]));
  return most;
}

TEST(Png, ComesBackAsItWas) {
  for (const std::int64_t channels : {1, 3}) {
    const Image image = slope({13, 7, channels});
    const std::string bytes = encode_png(image);
    EXPECT_TRUE(is_png(bytes));
    const Image again = decode_png(bytes, channels, "a.png");
    EXPECT_EQ(again.shape, image.shape);
    EXPECT_EQ(again.values, image.values);
    EXPECT_EQ(png_shape(bytes, "a.png"), image.shape);
  }
  EXPECT_EQ(decode_png(encode_png(Image({2, 2, 3}, 77)), 1, "").values, std::vector<std::uint8_t>(4, 77));
  EXPECT_EQ(decode_png(encode_png(Image({2, 2, 1}, 77)), 3, "").values, std::vector<std::uint8_t>(12, 77));
  EXPECT_THROW(encode_png(Image({2, 2, 2})), Error);
  EXPECT_THROW(encode_png(Image()), Error);
}

TEST(Png, DamageIsAnErrorWithTheName) {
  const std::string good = encode_png(slope({40, 50, 3}));
  for (std::size_t length = 0; length + 13 < good.size(); length += 7) {
    const std::string message = message_of<Error>([&] { (void)decode_png(good.substr(0, length), 3, "cut.png"); });
    EXPECT_NE(message.find("cut.png"), std::string::npos) << length << ": " << message;
  }
  int errors = 0, flips = 0;
  for (std::size_t at = 9; at + 12 < good.size(); at += 11, ++flips) {
    std::string flipped = good;
    flipped[at] ^= 0x10;
    std::vector<std::uint8_t> values;
    const std::string message = message_of<Error>([&] { values = decode_png(flipped, 3, "bad.png").values; });
    // A few bits tell the library nothing that it needs.
    EXPECT_TRUE(message != "no error" || values == slope({40, 50, 3}).values) << "byte " << at;
    errors += message != "no error";
  }
  EXPECT_GE(errors, flips - 2);
}

TEST(Png, OneThatPromisesTooMuchTakesNoMemory) {
  std::string huge = encode_png(slope({40, 50, 1}));
  huge.replace(16, 8, test::big_endian(500000) + test::big_endian(500000));
  const uLong sum = crc32(0, reinterpret_cast<const Bytef*>(huge.data()) + 12, 17);
  huge.replace(29, 4, test::big_endian(static_cast<std::uint32_t>(sum)));
  const std::string message = message_of<Error>([&] { (void)decode_png(huge, 1, "bomb.png"); });
  EXPECT_NE(message.find("bomb.png: expected at most"), std::string::npos) << message;
}

TEST(Png, IsWrittenWholeOrNotAtAll) {
  const test::ScratchFolder folder;
  write_png(folder / "a.png", slope({4, 4, 3}));
  EXPECT_EQ(decode_png(test::read_file(folder / "a.png"), 3, "").values, slope({4, 4, 3}).values);
  EXPECT_NE(message_of<Error>([] {
              write_png("/nowhere/a.png", slope({4, 4, 3}));
            }).find("/nowhere/a.png"),
            std::string::npos);
}

TEST(Jpeg, ComesBackNearly) {
  for (const std::int64_t channels : {1, 3}) {
    const Image image = slope({45, 70, channels});
    const std::string bytes = encode_jpeg(image);
    EXPECT_TRUE(is_jpeg(bytes));
    EXPECT_EQ(jpeg_shape(bytes, ""), image.shape);
    const Image again = decode_jpeg(bytes, {.channels = channels}, "a.jpg");
    EXPECT_EQ(again.shape, image.shape);
    EXPECT_LE(distance(again, image), 6);
  }
  EXPECT_EQ(decode_jpeg(encode_jpeg(slope({8, 8, 3})), {.channels = 1}, "").shape, (ImageShape{8, 8, 1}));
  EXPECT_EQ(decode_jpeg(encode_jpeg(slope({8, 8, 1})), {.channels = 3}, "").shape, (ImageShape{8, 8, 3}));
}

TEST(Jpeg, IsDecodedSmallWhereThatIsEnough) {
  const std::string bytes = encode_jpeg(slope({100, 200, 3}));
  const auto decoded = [&](std::int64_t height, std::int64_t width) {
    return decode_jpeg(bytes, {.least_height = height, .least_width = width}, "").shape;
  };
  EXPECT_EQ(decoded(50, 50), (ImageShape{50, 100, 3}));
  EXPECT_EQ(decoded(51, 50), (ImageShape{100, 200, 3}));
  EXPECT_EQ(decoded(10, 10), (ImageShape{13, 25, 3}));
  EXPECT_EQ(decoded(300, 10), (ImageShape{100, 200, 3})) << "never larger";
}

TEST(Jpeg, DamageIsAnErrorWithTheName) {
  const std::string good = encode_jpeg(slope({120, 90, 3}));
  for (std::size_t length = 3; length + 2 < good.size(); length += good.size() / 40) {
    const std::string message = message_of<Error>([&] { (void)decode_jpeg(good.substr(0, length), {}, "cut.jpg"); });
    EXPECT_NE(message.find("cut.jpg: damaged JPEG"), std::string::npos) << length << ": " << message;
  }
  for (std::size_t at = 2; at < good.size(); at += 17) {  // no crash, whatever it is taken for
    std::string flipped = good;
    flipped[at] ^= 0x3c;
    (void)message_of<Error>([&] { (void)decode_jpeg(flipped, {}, "bad.jpg"); });
  }
}

TEST(PictureFile, IsToldByItsContents) {
  const test::ScratchFolder folder;
  const Image image = slope({20, 40, 3});
  const PictureSize size{.shape = {20, 40, 3}};
  EXPECT_EQ(read_picture(folder.write("png.jpg", encode_png(image)), size).values, image.values);
  EXPECT_LE(distance(read_picture(folder.write("jpeg.png", encode_jpeg(image)), size), image), 6);
  for (const std::string bytes : {"", "GIF89a", "\xff\xd8", "\x89PNG"}) {
    const std::string message = message_of<Error>([&] { (void)read_picture(folder.write("odd.jpg", bytes), size); });
    EXPECT_NE(message.find("odd.jpg: expected a JPEG or PNG file"), std::string::npos) << message;
  }
  EXPECT_NE(message_of<Error>([&] { (void)read_picture(folder / "absent.jpg", size); }).find("absent.jpg"),
            std::string::npos);
}

TEST(PictureFile, MasksAreClasses) {
  const test::ScratchFolder folder;
  Image mask({4, 6, 1});
  mask.at(1, 2) = 255;
  mask.at(3, 5) = 7;
  const std::string path = folder.write("mask.png", encode_png(mask));
  const PictureSize size{.shape = {4, 6, 3}};
  EXPECT_EQ(read_mask(path, {4, 6, 3}, size, {}).values, mask.values);
  const Image mapped = read_mask(path, {4, 6, 3}, size, {0, 255, 7});
  EXPECT_EQ(mapped.at(1, 2), 1);
  EXPECT_EQ(mapped.at(3, 5), 2);
  const auto error = [&](const std::string& bytes, const std::vector<std::uint8_t>& values) {
    return message_of<Error>([&] { (void)read_mask(folder.write("m.png", bytes), {4, 6, 3}, size, values); });
  };
  EXPECT_NE(error(encode_png(mask), {0, 255}).find("m.png: a pixel in row 3 has the value 7"), std::string::npos);
  EXPECT_NE(error(encode_png(Image({4, 5, 1})), {}).find("expected a mask of its picture's size 4 x 6 found 4 x 5"),
            std::string::npos);
  EXPECT_NE(error(encode_png(Image({4, 6, 3})), {}).find("expected a grey PNG"), std::string::npos);
  EXPECT_NE(error(encode_jpeg(Image({4, 6, 1})), {}).find("expected a mask as a grey PNG"), std::string::npos);
}

TEST(Resize, KeepsWhatIsEven) {
  for (const auto& [height, width] : {std::pair{5, 9}, std::pair{31, 17}, std::pair{64, 64}})
    for (const Fit fit : {Fit::crop, Fit::stretch})
      EXPECT_EQ(resize(Image({20, 30, 3}, 131), height, width, fit).values, Image({height, width, 3}, 131).values);
  const Image same = slope({6, 8, 3});
  EXPECT_EQ(resize(same, 6, 8, Fit::crop).values, same.values);
  EXPECT_THROW(resize(same, 0, 8, Fit::crop), Error);
}

TEST(Resize, AveragesWhereItShrinks) {
  Image stripes({32, 32, 1});
  for (std::int64_t y = 0; y < 32; ++y)
    for (std::int64_t x = 0; x < 32; ++x) stripes.at(y, x) = x % 2 == 0 ? 200 : 0;
  for (const std::uint8_t value : resize(stripes, 8, 8, Fit::stretch).values) EXPECT_NEAR(value, 100, 14);
}

TEST(Resize, CropsTheMiddle) {
  Image image({10, 30, 1}, 0);
  for (std::int64_t y = 0; y < 10; ++y)
    for (std::int64_t x = 10; x < 20; ++x) image.at(y, x) = 240;
  EXPECT_EQ(resize_nearest(image, 5, 5, Fit::crop).values, std::vector<std::uint8_t>(25, 240));
  EXPECT_EQ(resize(image, 10, 10, Fit::crop).values.at(55), 240);
  EXPECT_EQ(resize_nearest(image, 1, 3, Fit::stretch).values, (std::vector<std::uint8_t>{0, 240, 0}));
}

TEST(Grid, NumbersBecomePictures) {
  const float nan = std::nanf("");
  const Image image = picture_of(std::vector<float>{-1, 0, 1, -2, 3, nan}, {1, 2, 3}, -1.0f, 1.0f);
  EXPECT_EQ(image.values, (std::vector<std::uint8_t>{0, 128, 255, 0, 255, 0}));
  EXPECT_THROW(picture_of(std::vector<float>(5), {1, 2, 3}), Error);
}

TEST(Grid, PutsPicturesInRows) {
  const std::vector<Image> images{Image({2, 3, 1}, 10), Image({2, 3, 1}, 20), Image({2, 3, 1}, 30)};
  const Image all = grid(images, 2, 1);
  EXPECT_EQ(all.shape, (ImageShape{5, 7, 1}));
  EXPECT_EQ(all.at(0, 0), 10);
  EXPECT_EQ(all.at(1, 6), 20);
  EXPECT_EQ(all.at(4, 2), 30);
  EXPECT_EQ(all.at(2, 0), 255) << "a gap";
  EXPECT_EQ(all.at(4, 5), 255) << "no fourth picture";
  EXPECT_EQ(grid(images).shape, (ImageShape{6, 8, 1}));
  EXPECT_THROW(grid({}), Error);
  EXPECT_THROW(grid(std::vector<Image>{Image({2, 3, 1}), Image({3, 2, 1})}), Error);
}

}  // namespace
}  // namespace trireme::data
