#include "runtime/data/labelled_text.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/base/error.h"
#include "runtime/data/drawn_texts.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using test::message_of;

class LabelledText : public testing::Test {
 protected:
  LabelledTextOptions lines(const std::string& text) { return {.paths = {folder_.write("t.tsv", text)}}; }
  std::string error(const std::string& text) {
    return message_of<Error>([&] { (void)read_labelled_texts(lines(text), *bytes_); });
  }

  test::ScratchFolder folder_;
  std::unique_ptr<Tokenizer> bytes_ = make_byte_tokenizer();
};

TEST_F(LabelledText, LinesOfClassAndText) {
  const LabelledTexts texts = read_labelled_texts(lines("sad\toh\r\n\nglad\they\tyou\nsad\tno"), *bytes_);
  EXPECT_EQ(texts.class_names, (std::vector<std::string>{"glad", "sad"}));
  EXPECT_EQ(texts.labels, (std::vector<std::int32_t>{1, 0, 1}));
  EXPECT_EQ(bytes_->decode(texts.tokens[0]), "oh");
  EXPECT_EQ(bytes_->decode(texts.tokens[1]), "hey\tyou");
}

TEST_F(LabelledText, FoldersOfClasses) {
  folder_.write("set/a/1.txt", "one\nmore");
  folder_.write("set/b/2.txt", "two");
  folder_.write("set/b/deep/3.txt", "three");
  const LabelledTexts texts = read_labelled_texts({.paths = {folder_ / "set"}, .folders = true}, *bytes_);
  EXPECT_EQ(texts.class_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(texts.labels, (std::vector<std::int32_t>{0, 1, 1}));
  std::filesystem::create_directory(folder_ / "set/c");
  EXPECT_NE(message_of<Error>([&] {
              (void)read_labelled_texts({.paths = {folder_ / "set"}, .folders = true}, *bytes_);
            }).find("set/c"),
            std::string::npos);
}

TEST_F(LabelledText, WhatIsWrongIsNamedOrCounted) {
  EXPECT_NE(error("a\tone\ntwo\n").find("t.tsv: line 2: expected a class, a tab and a text"), std::string::npos);
  EXPECT_NE(error("a\tone\n\ttwo\n").find("line 2: expected a class before the tab"), std::string::npos);
  EXPECT_NE(error("a\t\n").find("line 1: the text is empty"), std::string::npos);
  EXPECT_NE(error("").find("no text with a class is left"), std::string::npos);
  LabelledTextOptions options = lines("a\tone\ntwo\n\tthree\nb\t\nb\tfour\n");
  options.skip_bad = true;
  const LabelledTexts texts = read_labelled_texts(options, *bytes_);
  EXPECT_EQ(texts.labels, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(texts.skipped.size(), 3u);
}

TEST_F(LabelledText, ASourcePadsAndCuts) {
  const auto texts = std::make_shared<LabelledTexts>(read_labelled_texts(lines("a\txyz\nb\ttoo long\n"), *bytes_));
  const LabelledTextSource source(texts, 5, 0);
  ASSERT_EQ(source.samples(), 2);
  std::vector<std::int32_t> tokens(5);
  std::int32_t length = -1, label = -1;
  std::byte* rows[]{reinterpret_cast<std::byte*>(tokens.data()), reinterpret_cast<std::byte*>(&length),
                    reinterpret_cast<std::byte*>(&label)};
  source.read(0, 0, rows);
  EXPECT_EQ(tokens, (std::vector<std::int32_t>{'x', 'y', 'z', 0, 0}));
  EXPECT_EQ(length, 3);
  EXPECT_EQ(label, 0);
  source.read(0, 1, rows);
  EXPECT_EQ(bytes_->decode(tokens), "too l");
  EXPECT_EQ(length, 5);
  EXPECT_THROW(LabelledTextSource(texts, 0, 0), Error);
}

TEST_F(LabelledText, DrawnOnesFollowFromTheirNumber) {
  const LabelledTexts some = draw_texts({.samples = 200, .seed = 3}, *bytes_),
                      more = draw_texts({.samples = 400, .seed = 3}, *bytes_),
                      others = draw_texts({.samples = 200, .seed = 4}, *bytes_);
  EXPECT_TRUE(std::equal(some.tokens.begin(), some.tokens.end(), more.tokens.begin()));
  EXPECT_NE(some.tokens, others.tokens);
  const auto good = std::count(more.labels.begin(), more.labels.end(), 1);
  EXPECT_GT(good, 160);
  EXPECT_LT(good, 240);
  std::size_t longest = 0;
  for (const auto& tokens : more.tokens) {
    ASSERT_FALSE(tokens.empty());
    longest = std::max(longest, tokens.size());
  }
  EXPECT_LE(longest, 128u);
}

}  // namespace
}  // namespace trireme::data
