#include "runtime/data/text.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using test::message_of;
using test::ScratchFolder;

std::string text_of(const TokenStream& stream) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(stream.size()));
  stream.read(0, ids);
  return make_byte_tokenizer()->decode(ids);
}

std::string read(const TextOptions& options) {
  return text_of(*read_text(options, *make_byte_tokenizer()));
}

std::string error_of(const TextOptions& options) {
  return message_of<Error>([&] { (void)read_text(options, *make_byte_tokenizer()); });
}

TEST(Text, AFileIsItsTokens) {
  const ScratchFolder folder;
  const std::string bytes("caf\xc3\xa9 \xff\0 end", 12);
  EXPECT_EQ(read({.paths = {folder.write("a.txt", bytes)}}), bytes) << "a named file is text whatever its bytes";
}

TEST(Text, FilesAreSeparatedAndBinariesLeftOut) {
  const ScratchFolder folder;
  folder.write("d/b.txt", "two");
  folder.write("d/a.txt", "one");
  folder.write("d/c.bin", std::string("x\0y", 3));
  folder.write("d/empty.txt", "");
  folder.write("d/z.txt", "three\n");
  EXPECT_EQ(read({.paths = {folder / "d"}}), "one\ntwo\nthree\n");
  EXPECT_EQ(read({.paths = {folder / "d/z.txt", folder / "d/a.txt"}}), "three\n\none");
  EXPECT_EQ(read({.paths = {folder / "d"}, .patterns = {.include = {"*.txt"}, .exclude = {"a*", "b*"}}}), "three\n");
}

// Cuts where a newline follows a 'd', and notes the pieces.
class CutKeeper : public Tokenizer {
 public:
  std::string_view name() const noexcept override { return "cuts"; }
  std::int64_t vocabulary_size() const noexcept override { return 256; }
  std::int32_t end_of_text() const noexcept override { return 0; }
  std::vector<std::int32_t> encode(std::string_view text, const std::function<void()>&) const override {
    pieces.emplace_back(text);
    return std::vector<std::int32_t>(text.size());
  }
  std::size_t next_cut(std::string_view text, std::size_t from) const override {
    return std::min(text.find("d\n", from - 1), text.size() - 1) + 1;
  }
  std::string decode(std::span<const std::int32_t>) const override { return {}; }

  mutable std::vector<std::string> pieces;
};

TEST(Text, CutsOnlyWhereTheTokenizerSays) {
  const ScratchFolder folder;
  std::string text;
  while (text.size() < (std::size_t{9} << 20)) text += "word \n\xc2\xa0\n\n word\n";
  const CutKeeper cuts;
  (void)read_text({.paths = {folder.write("text.txt", text)}}, cuts);
  EXPECT_GE(cuts.pieces.size(), 2u);
  std::string together;
  for (const std::string& piece : cuts.pieces) {
    if (!together.empty()) {
      EXPECT_EQ(piece.front(), '\n');
      EXPECT_EQ(together.back(), 'd');
    }
    together += piece;
  }
  EXPECT_TRUE(together == text);
}

TEST(Text, ReadingCanBeEndedInBetween) {
  const ScratchFolder folder;
  std::string text;
  while (text.size() < (std::size_t{8} << 20)) text += "three banks of oars\n";
  const std::string path = folder.write("long.txt", text);
  int calls = 0;
  const TextOptions whole{.paths = {path}, .between = [&] { ++calls; }};
  EXPECT_EQ(read(whole), text);
  EXPECT_GE(calls, 16) << "a byte-pair encoder reads a few MB a second";
  const TextOptions ended{.paths = {path}, .between = [&] {
                            if (--calls < 10) fail("test", "enough");
                          }};
  EXPECT_EQ(error_of(ended), "[test] enough");
  EXPECT_EQ(calls, 9);
}

TEST(Text, LongTextsAreWholeWhereverTheyAreCut) {
  const ScratchFolder folder;
  std::string lines;
  while (lines.size() < (std::size_t{9} << 20)) lines += "line " + std::to_string(lines.size()) + " \n\n  x\n";
  EXPECT_TRUE(read({.paths = {folder.write("lines.txt", lines)}}) == lines);
  const std::string one(std::size_t{5} << 20, 'a');
  EXPECT_TRUE(read({.paths = {folder.write("one.txt", one)}}) == one);
}

TEST(Text, WhatCannotBeReadIsNamed) {
  const ScratchFolder folder;
  const std::string fifo = folder / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::string empty = folder.write("empty.txt", "");
  const std::string large = folder.write("large.txt", std::string(1000, 'x'));
  EXPECT_NE(error_of({.paths = {folder / "none.txt"}}).find("none.txt: cannot be opened: No such file"),
            std::string::npos);
  EXPECT_NE(error_of({.paths = {fifo}}).find("fifo: expected a regular file, found a FIFO"), std::string::npos);
  EXPECT_NE(error_of({.paths = {"/dev/zero"}}).find("found a device"), std::string::npos);
  EXPECT_NE(error_of({.paths = {empty}}).find("empty.txt: expected text, found only empty"), std::string::npos);
  const std::string limit = error_of({.paths = {large}, .max_bytes = 999});
  EXPECT_NE(limit.find("1000 bytes of text, expected at most 999 - name fewer files"), std::string::npos) << limit;
  EXPECT_EQ(error_of({.paths = {large}, .max_bytes = 1000}), "no error");
}

}  // namespace
}  // namespace trireme::data
