#include "runtime/kernels/cuda/gemm/algorithm_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.h"

namespace trireme::cuda {
namespace {

const Algorithm first{1, 2, 3, 4, 5, 6, 7, 0xfedcba9876543210u}, second{9, 8, 7, 6, 5, 4, 3, 2};

class AlgorithmFileTest : public ::testing::Test {
 protected:
  test::ScratchFolder folder_;
  std::string path_ = folder_ / "cache/products";
};

TEST_F(AlgorithmFileTest, IsReadBack) {
  AlgorithmFile writer(path_);
  EXPECT_FALSE(writer.find("some card: 1x2x3"));
  EXPECT_EQ(writer.add("some card: 1x2x3", first), first);
  EXPECT_EQ(writer.add("another", second), second);
  EXPECT_EQ(writer.trouble(), "");
  const AlgorithmFile reader(path_);
  EXPECT_EQ(reader.find("some card: 1x2x3"), first);
  EXPECT_EQ(reader.find("another"), second);
  EXPECT_FALSE(reader.find("a third"));
}

TEST_F(AlgorithmFileTest, LeavesNothingElseInItsFolder) {
  AlgorithmFile(path_).add("key", first);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "cache"))
    names.push_back(entry.path().filename());
  EXPECT_EQ(names, std::vector<std::string>{"products"});
}

TEST_F(AlgorithmFileTest, WhatIsInTheFileStays) {
  AlgorithmFile one(path_), other(path_);
  one.add("key", first);
  EXPECT_EQ(other.add("key", second), first);
  EXPECT_EQ(AlgorithmFile(path_).find("key"), first);
}

TEST_F(AlgorithmFileTest, ARefusedChoiceIsReplaced) {
  AlgorithmFile one(path_);
  one.add("key", first);
  AlgorithmFile other(path_);
  EXPECT_EQ(other.add("key", second, first), second);
  EXPECT_EQ(AlgorithmFile(path_).find("key"), second);
}

TEST_F(AlgorithmFileTest, KeepsWhatOthersWroteMeanwhile) {
  AlgorithmFile one(path_), other(path_);
  one.add("mine", first);
  other.add("yours", second);
  const AlgorithmFile reader(path_);
  EXPECT_EQ(reader.find("mine"), first);
  EXPECT_EQ(reader.find("yours"), second);
}

TEST_F(AlgorithmFileTest, DamageAnywhereCountsAsNoFile) {
  AlgorithmFile writer(path_);
  writer.add("a key", first);
  writer.add("b key", second);
  const std::string whole = test::read_file(path_);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    folder_.write("cache/products", damaged);
    const AlgorithmFile reader(path_);
    EXPECT_FALSE(reader.find("a key") || reader.find("b key")) << "byte " << i;
  }
  for (std::size_t length = 0; length + 1 < whole.size(); ++length) {
    folder_.write("cache/products", whole.substr(0, length));
    EXPECT_FALSE(AlgorithmFile(path_).find("a key")) << "cut to " << length;
  }
}

TEST_F(AlgorithmFileTest, DamageIsMendedByTheNextChoice) {
  AlgorithmFile(path_).add("lost", first);
  folder_.write("cache/products", "what is this");
  AlgorithmFile(path_).add("kept", second);
  const AlgorithmFile reader(path_);
  EXPECT_FALSE(reader.find("lost"));
  EXPECT_EQ(reader.find("kept"), second);
}

TEST_F(AlgorithmFileTest, WithoutAPathRemembersByItself) {
  AlgorithmFile file("");
  EXPECT_EQ(file.add("key", first), first);
  EXPECT_EQ(file.find("key"), first);
  EXPECT_EQ(file.trouble(), "");
}

TEST_F(AlgorithmFileTest, SaysWhyItCouldNotWriteAndRemembers) {
  AlgorithmFile file(folder_.write("file", "not a folder") + "/products");
  EXPECT_EQ(file.add("key", first), first);
  EXPECT_EQ(file.find("key"), first);
  EXPECT_NE(file.trouble().find("file/products"), std::string::npos) << file.trouble();
}

}  // namespace
}  // namespace trireme::cuda
