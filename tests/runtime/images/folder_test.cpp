// Data sets of files: folders of classes, pictures with masks, CIFAR.
#include "runtime/data/images/folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/base/error.h"
#include "runtime/data/images/cifar.h"
#include "runtime/data/images/png.h"
#include "tests/runtime/images/jpeg_file.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using test::message_of;

constexpr PictureSize small{.shape = {4, 4, 3}};

class Folders : public testing::Test {
 protected:
  Folders() {
    for (const std::string name : {"dog/1.png", "dog/deep/2.PNG", "cat/a.png", "cat/b.png", "owl/x.png"})
      folder_.write("set/" + name, encode_png(Image({5, 6, 3}, static_cast<std::uint8_t>(name[0]))));
    folder_.write("set/owl/x.jpg", test::encode_jpeg(Image({9, 6, 3}, 50)));
    folder_.write("set/dog/notes.txt", "no picture");
    folder_.write("set/.hidden/1.png", "neither");
  }
  FolderOptions options(BadFiles bad = {}) const {
    return {.path = folder_ / "set", .size = small, .classes = {}, .bad = bad};
  }
  std::uint8_t first_value(const ImageSet& set, std::int64_t number) const {
    std::vector<std::uint8_t> values(static_cast<std::size_t>(set.shape().numbers()));
    set.read(number, values.data(), nullptr);
    return values[0];
  }

  test::ScratchFolder folder_;
};

TEST_F(Folders, ClassesAreFolders) {
  const auto set = open_folder(options());
  EXPECT_EQ(set->class_names(), (std::vector<std::string>{"cat", "dog", "owl"}));
  EXPECT_EQ(std::vector(set->labels().begin(), set->labels().end()), (std::vector<std::int32_t>{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(set->place(3), folder_ / "set/dog/deep/2.PNG");
  EXPECT_EQ(first_value(*set, 0), 'c');
  EXPECT_EQ(first_value(*set, 3), 'd');
  EXPECT_NEAR(first_value(*set, 4), 50, 2);
  EXPECT_TRUE(set->skipped().empty());
}

TEST_F(Folders, ClassesMayBeNamed) {
  FolderOptions named = options();
  named.classes = {"owl", "cat"};
  EXPECT_EQ(open_folder(named)->labels()[0], 0);
  EXPECT_EQ(open_folder(named)->size(), 4);
  named.classes = {"owl", "cow"};
  const std::string missing = message_of<Error>([&] { (void)open_folder(named); });
  EXPECT_NE(missing.find("set/cow: the folder of this class is missing"), std::string::npos) << missing;
}

TEST_F(Folders, WhatIsMissingIsNamed) {
  std::filesystem::create_directory(folder_ / "set/ant");
  const std::string empty = message_of<Error>([&] { (void)open_folder(options()); });
  EXPECT_NE(empty.find("set/ant: no picture of this class"), std::string::npos) << empty;
  EXPECT_NE(message_of<Error>([&] { (void)open_folder({.path = folder_ / "none", .size = small}); }).find("none"),
            std::string::npos);
  std::filesystem::create_directory(folder_ / "bare");
  EXPECT_NE(message_of<Error>([&] {
              (void)open_folder({.path = folder_ / "bare", .size = small});
            }).find("expected a folder for each class"),
            std::string::npos);
  EXPECT_THROW(open_folder({.path = folder_ / "set", .size = {.shape = {4, 4, 2}}}), Error);
}

TEST_F(Folders, ABadFileIsAnErrorWhenItIsReadOrLeftOutAndCounted) {
  const std::string jpeg = test::encode_jpeg(Image({9, 6, 3}, 50));
  folder_.write("set/dog/0.jpg", jpeg.substr(0, jpeg.size() / 2));
  folder_.write("set/owl/y.png", "not a picture");
  const auto set = open_folder(options());
  const std::string message = message_of<Error>([&] { (void)first_value(*set, 2); });
  EXPECT_NE(message.find("set/dog/0.jpg: damaged JPEG"), std::string::npos) << message;
  for (const int workers : {1, 3}) {
    int asked = 0;
    const auto good = open_folder(options({.skip = true, .workers = workers, .between = [&] { ++asked; }}));
    EXPECT_GT(asked, 0);
    EXPECT_EQ(good->size(), 6);
    ASSERT_EQ(good->skipped().size(), 2u);
    EXPECT_NE(good->skipped()[0].find("0.jpg"), std::string::npos);
    EXPECT_NE(good->skipped()[1].find("y.png"), std::string::npos);
    EXPECT_EQ(std::vector(good->labels().begin(), good->labels().end()), (std::vector<std::int32_t>{0, 0, 1, 1, 2, 2}));
    EXPECT_EQ(first_value(*good, 2), 'd');
  }
}

TEST_F(Folders, WhatIsKeptIsWhatWasRead) {
  const auto set = open_folder(options());
  for (const std::int64_t bytes : {0, 2 * 48, 100000}) {
    const auto kept = cached(set, bytes);
    for (int round = 0; round < 3; ++round)
      for (std::int64_t i = 0; i < set->size(); ++i) EXPECT_EQ(first_value(*kept, i), first_value(*set, i));
  }
  const auto kept = cached(set, 100000);
  (void)first_value(*kept, 0);
  std::filesystem::remove(set->place(0));
  EXPECT_EQ(first_value(*kept, 0), 'c') << "from memory";
}

class MaskFolders : public testing::Test {
 protected:
  void add(const std::string& name, const ImageShape& mask, std::uint8_t value) {
    folder_.write("images/" + name + ".jpg", test::encode_jpeg(Image({8, 8, 3}, 99)));
    folder_.write("masks/" + name + ".png", encode_png(Image(mask, value)));
  }
  std::shared_ptr<const PictureFiles> open(bool skip = false) {
    return open_masks({.images = folder_ / "images",
                       .masks = folder_ / "masks",
                       .size = small,
                       .values = {},
                       .classes = 3,
                       .bad = {.skip = skip}});
  }
  std::vector<std::uint8_t> mask(const ImageSet& set, std::int64_t number) {
    std::vector<std::uint8_t> image(48), classes(16);
    set.read(number, image.data(), classes.data());
    return classes;
  }

  test::ScratchFolder folder_;
};

TEST_F(MaskFolders, PicturesFindTheirMasks) {
  add("a", {8, 8, 1}, 2);
  add("deep/b", {8, 8, 1}, 1);
  const auto set = open();
  ASSERT_EQ(set->size(), 2);
  EXPECT_TRUE(set->labels().empty());
  EXPECT_EQ(mask(*set, 0), std::vector<std::uint8_t>(16, 2));
  EXPECT_EQ(mask(*cached(set, 1000), 1), std::vector<std::uint8_t>(16, 1));
}

TEST_F(MaskFolders, WrongMasksAreNamed) {
  add("a", {8, 8, 1}, 2);
  add("b", {8, 7, 1}, 1);
  add("c", {8, 8, 1}, 3);
  const auto set = open();
  const std::string size = message_of<Error>([&] { (void)mask(*set, 1); });
  EXPECT_NE(size.find("masks/b.png: expected a mask of its picture's size 8 x 8 found 8 x 7"), std::string::npos)
      << size;
  const std::string value = message_of<Error>([&] { (void)mask(*set, 2); });
  EXPECT_NE(value.find("masks/c.png: expected classes below 3 found a pixel of 3"), std::string::npos) << value;
  EXPECT_EQ(open(true)->size(), 1);
  EXPECT_EQ(open(true)->skipped().size(), 2u);
  std::filesystem::remove(folder_ / "masks/a.png");
  const std::string missing = message_of<Error>([&] { (void)open(); });
  EXPECT_NE(missing.find("images/a.jpg: expected its mask"), std::string::npos) << missing;
}

TEST_F(MaskFolders, NothingIsLeft) {
  add("a", {8, 7, 1}, 2);
  const std::string message = message_of<Error>([&] { (void)open(true); });
  EXPECT_NE(message.find("no file is left that can be read"), std::string::npos) << message;
}

TEST(Cifar, PlanesBecomePixels) {
  const test::ScratchFolder folder;
  std::string record(1 + 3072, '\0');
  record[0] = 9;
  record[1 + 5] = 10;            // red of pixel 5
  record[1 + 1024 + 5] = 20;     // green
  record[1 + 2048 + 1023] = 30;  // blue of the last
  folder.write("data_batch_1.bin", record + record);
  folder.write("data_batch_2.bin", std::string(3073, '\1'));
  const auto set = read_cifar({.paths = {folder.path()}});
  ASSERT_EQ(set->size(), 3);
  EXPECT_EQ(set->shape(), (ImageShape{32, 32, 3}));
  EXPECT_EQ(std::vector(set->labels().begin(), set->labels().end()), (std::vector<std::int32_t>{9, 9, 1}));
  std::vector<std::uint8_t> pixels(3072);
  set->read(1, pixels.data(), nullptr);
  EXPECT_EQ(pixels[15], 10);
  EXPECT_EQ(pixels[16], 20);
  EXPECT_EQ(pixels[3071], 30);
  const std::string fine =
      folder.write("fine.bin", std::string(1, '\7') + std::string(1, '\x63') + std::string(3072, '\0'));
  EXPECT_EQ(read_cifar({.paths = {fine}, .hundred = true})->labels()[0], 99);
}

TEST(Cifar, DamagedFilesAreNamed) {
  const test::ScratchFolder folder;
  const auto error = [&](const std::string& bytes) {
    return message_of<Error>([&] { (void)read_cifar({.paths = {folder.write("a.bin", bytes)}}); });
  };
  EXPECT_NE(error(std::string(3072, '\0')).find("a.bin: expected records of 3073 bytes"), std::string::npos);
  EXPECT_NE(error("").find("found a file of 0"), std::string::npos);
  std::string record(2 * 3073, '\0');
  record[3073] = 10;
  EXPECT_NE(error(record).find("a.bin: record 1 has the label 10; expected one below 10"), std::string::npos)
      << error(record);
}

}  // namespace
}  // namespace trireme::data
