#include "runtime/data/file_list.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using test::message_of;
using test::ScratchFolder;

class FileList : public ::testing::Test {
 protected:
  FileList() {
    for (const char* name : {"b.txt", "a.txt", "sub/c.txt", "sub/deep/d.cpp", "sub.txt", ".hidden.txt", ".git/e.txt",
                             "build/f.txt", "sub/build/g.txt", "Z.txt", "a.cpp"})
      folder_.write(name, name);
    ::mkfifo((folder_ / "fifo.txt").c_str(), 0600);
    std::filesystem::create_symlink(folder_ / "b.txt", folder_ / "link.txt");
    std::filesystem::create_directory_symlink(folder_.path(), folder_ / "sub/loop");
  }

  // Paths below the folder.
  std::vector<std::string> list(const std::vector<std::string>& paths, const FilePatterns& patterns = {}) const {
    std::vector<std::string> names;
    for (const ListedFile& file : list_files("data", paths, patterns))
      names.push_back(std::filesystem::path(file.path).lexically_relative(folder_.path()).string());
    return names;
  }

  ScratchFolder folder_;
};

using Names = std::vector<std::string>;

TEST_F(FileList, AFolderIsItsFilesSortedByBytes) {
  EXPECT_EQ(list({folder_.path()}), (Names{"Z.txt", "a.cpp", "a.txt", "b.txt", "build/f.txt", "sub.txt",
                                           "sub/build/g.txt", "sub/c.txt", "sub/deep/d.cpp"}));
}

TEST_F(FileList, PatternsChooseInsideFolders) {
  EXPECT_EQ(list({folder_.path()}, {.include = {"*.cpp"}}), (Names{"a.cpp", "sub/deep/d.cpp"}));
  EXPECT_EQ(list({folder_.path()}, {.include = {"*.txt"}, .exclude = {"build", "Z*"}}),
            (Names{"a.txt", "b.txt", "sub.txt", "sub/c.txt"}));
  EXPECT_EQ(list({folder_.path()}, {.include = {"sub/*"}, .exclude = {"sub/build"}}),
            (Names{"sub/c.txt", "sub/deep/d.cpp"}));
}

TEST_F(FileList, PathsKeepTheirOrder) {
  EXPECT_EQ(list({folder_ / "sub", folder_ / "b.txt", folder_ / "a.*"}, {.exclude = {"build"}}),
            (Names{"sub/c.txt", "sub/deep/d.cpp", "b.txt", "a.cpp", "a.txt"}));
  const auto files = list_files("data", {folder_ / "b.txt", folder_ / "a.t*", folder_ / "sub/deep"}, {});
  ASSERT_EQ(files.size(), 3u);
  EXPECT_TRUE(files[0].named);
  EXPECT_FALSE(files[1].named);
  EXPECT_FALSE(files[2].named);
}

TEST_F(FileList, AFileMayHaveAPatternForAName) {
  folder_.write("odd[1].txt", "x");
  EXPECT_EQ(list({folder_ / "odd[1].txt"}), Names{"odd[1].txt"});
}

TEST_F(FileList, NothingFoundIsAnError) {
  const auto error = [&](const std::string& path, const FilePatterns& patterns = {}) {
    return message_of<Error>([&] { (void)list_files("data", {path}, patterns); });
  };
  std::filesystem::create_directory(folder_ / "empty");
  EXPECT_NE(error(folder_ / "empty").find("empty: expected files in this folder"), std::string::npos);
  EXPECT_NE(error(folder_.path(), {.include = {"*.md", "*.rst"}}).find("match *.md *.rst"), std::string::npos);
  EXPECT_NE(error(folder_ / "*.md").find("expected at least one match"), std::string::npos);
  EXPECT_THROW((void)list_files("data", {}, {}), Error);
}

}  // namespace
}  // namespace trireme::data
