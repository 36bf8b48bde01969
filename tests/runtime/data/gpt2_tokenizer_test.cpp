#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/philox.h"
#include "runtime/data/tokenizer.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using test::message_of;
using test::ScratchFolder;

// Merges learned from a play and a line of accents and digits with the Python package tokenizers 0.23.3.
const std::vector<std::string> merges{
    "Ġ t",  "h e",  "Ġ a",  "o u",  "Ġ s",   "Ġ w",  "Ġ m",  "i n",  "r e",   "h a", "Ġt he", "n d",
    "Ġ b",  "i s",  "o r",  "v e",  "l l",   "Ġ f",  "o n",  "i t",  "Ġ d",   "Ġ c", "e r",   "Ġ n",
    "Ġ l",  "Ġ y",  "Ġt h", "a r",  "e s",   "Ġ h",  "Ġ o",  "Ġt o", "Ġy ou", "e n", "Ġ p",   "Ġ I",
    "ha t", "Ġ he", "o t",  "s t",  "Ġa nd", "o w",  "in g", "a n",  "Ġo f",  "o m", "Ġ g",   "a t",
    "Ġb e", "s e",  "Ġm y", "Ġ in", "c e",   "Ġ ha", "l e",  "a y",  "l d",   "i r", "e t",   "e d",
};

struct Expected {
  std::string text;
  std::vector<std::int32_t> ids;
};

// What that package (ByteLevel pre-tokenizer without a prefix space, BPE model) makes of these texts.
const std::vector<Expected> expected{
    {"", {}},
    {" ", {220}},
    {"hello there, the world's end", {257, 272, 78, 266, 264, 11, 266, 261, 270, 312, 6, 82, 220, 68, 267}},
    {"  two  spaces \n\n and\ttabs  ",
     {220, 256, 86, 78, 220, 260, 79, 64, 66, 284, 220, 198, 198, 296, 197, 83, 64, 65, 82, 220, 220}},
    {"don't we'll they've I'm DON'T",
     {67, 274, 6, 83, 261, 68, 6, 272, 266, 88, 6, 271, 291, 6, 76, 220, 35, 46, 45, 6, 51}},
    {"na\xc3\xafve caf\xc3\xa9 \xe2\x80\x94 1234 12,345.67",
     {77, 64, 127, 107, 271, 277, 64, 69, 127, 102, 220, 158, 222, 242, 220,
      16, 17, 18,  19,  220, 16,  17, 11, 18,  19,  20,  13,  21,  22}},
    {"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e \xe6\x97\xa5\xe6\x9c\xac",
     {162, 245, 98, 162, 250, 105, 164, 103, 252, 220, 162, 245, 98, 162, 250, 105}},
    {"a\xcc\x81\xc2\xa0"
     "b\xe2\x80\x83"
     "c\r\n",
     {64, 136, 223, 126, 254, 65, 158, 222, 225, 66, 201, 198}},
    {"<|endoftext|>", {27, 91, 68, 267, 78, 69, 83, 68, 87, 83, 91, 29}},
    {"\xf0\x9f\x98\x80 ok \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
     {172, 253, 246, 222, 286, 74,  220, 172, 253, 239, 102, 158, 222,
      235, 172, 253, 239, 102, 158, 222, 235, 172, 253, 239, 100}},
    {"aaaaaaaaaaaaaaaaa theeeee thethethe",
     {64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 266, 68, 68, 68, 68, 266, 83, 257, 83, 257}},
};

std::string utf8(std::uint32_t point) {
  if (point < 0x80) return {static_cast<char>(point)};
  return {static_cast<char>(0xc0 | (point >> 6)), static_cast<char>(0x80 | (point & 0x3f))};
}

// GPT-2's order of ids: printable bytes, the other bytes, the results of the merges, the end of text.
std::vector<std::string> written_tokens() {
  std::vector<std::string> tokens;
  std::vector<std::string> others;
  std::uint32_t next = 256;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    if (printable)
      tokens.push_back(utf8(byte));
    else
      others.push_back(utf8(next++));
  }
  tokens.insert(tokens.end(), others.begin(), others.end());
  for (std::string merge : merges) tokens.push_back(merge.erase(merge.find(' '), 1));
  tokens.emplace_back("<|endoftext|>");
  return tokens;
}

std::string vocab_json(const std::vector<std::string>& tokens = written_tokens()) {
  std::string json = "{";
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    json += id ? ", \"" : "\"";
    for (char c : tokens[id]) json += (c == '"' || c == '\\') ? std::string{'\\', c} : std::string{c};
    json += "\": " + std::to_string(id);
  }
  return json + "}";
}

std::string merges_txt() {
  std::string text = "#version: 0.2\n";
  for (const std::string& merge : merges) text += merge + "\n";
  return text;
}

class Gpt2Tokenizer : public ::testing::Test {
 protected:
  std::unique_ptr<Tokenizer> read(const std::string& vocab, const std::string& merge_text) const {
    return read_gpt2_tokenizer(folder_.write("vocab.json", vocab), folder_.write("merges.txt", merge_text));
  }
  std::string error_of(const std::string& vocab, const std::string& merge_text) const {
    return message_of<Error>([&] { (void)read(vocab, merge_text); });
  }

  ScratchFolder folder_;
  std::unique_ptr<Tokenizer> tokenizer_ = read(vocab_json(), merges_txt());
};

TEST_F(Gpt2Tokenizer, EncodesAsTheReferenceDoes) {
  EXPECT_EQ(tokenizer_->vocabulary_size(), 256 + static_cast<std::int64_t>(merges.size()) + 1);
  EXPECT_EQ(tokenizer_->end_of_text(), tokenizer_->vocabulary_size() - 1);
  for (const auto& [text, ids] : expected) EXPECT_EQ(tokenizer_->encode(text), ids) << text;
}

TEST_F(Gpt2Tokenizer, DecodesAnyBytesToThemselves) {
  const char* const pieces[] = {"the",
                                " ",
                                "\n",
                                "'ll",
                                "\xff",
                                "\xc3",
                                "\xa9",
                                "\xe6\x97\xa5",
                                "\xf0\x9f\x98",
                                "\x80",
                                "\xed\xa0\x80",
                                "\xc0\x80",
                                "\xf5\x80\x80\x80",
                                "9",
                                "\t",
                                " an",
                                "\xc2\xa0"};
  for (std::uint64_t trial = 0; trial < 2000; ++trial) {
    std::string text;
    const std::uint32_t length = random_word({1, 1}, trial) % 30;
    for (std::uint32_t i = 0; i < length; ++i) {
      const std::uint32_t word = random_word({1, 2}, trial * 32 + i);
      if (word % 4 == 0)
        text.push_back(static_cast<char>(word >> 8));
      else
        text += pieces[(word >> 8) % std::size(pieces)];
    }
    ASSERT_EQ(tokenizer_->decode(tokenizer_->encode(text)), text) << trial;
  }
}

TEST_F(Gpt2Tokenizer, InvalidBytesDoNotDisturbTheirNeighbours) {
  const auto join = [](std::vector<std::int32_t> a, const std::vector<std::int32_t>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  EXPECT_EQ(tokenizer_->encode("the\xff the"),
            join(join(tokenizer_->encode("the"), tokenizer_->encode("\xff")), tokenizer_->encode(" the")));
  EXPECT_EQ(tokenizer_->encode("\xff").size(), 1u);
}

// A word of 200,000 letters: a merge loop that looks at all pairs for every merge would take minutes.
TEST_F(Gpt2Tokenizer, LongWordsTakeNoMoreThanTheirShare) {
  std::string word;
  for (int i = 0; i < 200000; ++i) word += "he"[i % 2];
  const std::vector<std::int32_t> ids = tokenizer_->encode(word);
  EXPECT_EQ(ids.size(), 100000u);
  EXPECT_EQ(tokenizer_->decode(ids), word);
  const std::string spaces(500000, ' ');
  EXPECT_EQ(tokenizer_->decode(tokenizer_->encode(spaces + "x")), spaces + "x");
}

// Whatever stands around a cut, the ids are those of the whole; and cuts are found where people break lines or words.
TEST_F(Gpt2Tokenizer, ATextMayBeCutWhereItSays) {
  std::vector<std::string> texts{"the end\n\n  and then\n\tone 12\n34 don't\n'll x1-2 -'re"};
  const char* const pieces[] = {"the", " ", "  ", "\n", "\t", "'", "'s", "'ll", "\x1c", "\xff", "\xc3\xa9", "\xc2\xa0",
                                "12", "-", "..", "\xe6\x97\xa5", "\xd9\xa3", "\xcc\x81", "an", "T"};
  for (std::uint64_t trial = 0; trial < 2000; ++trial) {
    std::string& text = texts.emplace_back();
    for (std::uint32_t i = 0; i < 12; ++i) text += pieces[random_word({4, 4}, trial * 16 + i) % std::size(pieces)];
  }
  std::size_t cuts = 0;
  for (const std::string& text : texts) {
    const std::vector<std::int32_t> whole = tokenizer_->encode(text);
    for (std::size_t at = 1; (at = tokenizer_->next_cut(text, at)) < text.size(); ++at, ++cuts) {
      std::vector<std::int32_t> ids = tokenizer_->encode(text.substr(0, at));
      const std::vector<std::int32_t> rest = tokenizer_->encode(text.substr(at));
      ids.insert(ids.end(), rest.begin(), rest.end());
      ASSERT_EQ(ids, whole) << at << " of " << text;
    }
  }
  EXPECT_GT(cuts, 2 * texts.size());
  EXPECT_EQ(tokenizer_->next_cut("one two", 1), 3u);
  EXPECT_EQ(tokenizer_->next_cut("one\ntwo", 3), 3u);
  EXPECT_EQ(tokenizer_->next_cut("{\"key\":\"value\"}", 3), 5u) << "a line of JSON";
  EXPECT_EQ(tokenizer_->next_cut("aaaa", 1), 4u);
}

// One word of any length, and the words of a text without a place to cut it: each can be ended.
TEST_F(Gpt2Tokenizer, EncodingCanBeEndedInBetween) {
  std::string word, words;
  while (word.size() < 200000) word += "the";
  while (words.size() < 200000) words += "\xe6\x97\xa5\xef\xbc\x8c";  // a letter, a comma
  for (const std::string& text : {word, words}) {
    EXPECT_EQ(tokenizer_->next_cut(text, 1), text.size());
    int calls = 0;
    EXPECT_EQ(tokenizer_->encode(text, [&] { ++calls; }), tokenizer_->encode(text));
    EXPECT_GE(calls, 40);
    EXPECT_EQ(message_of<Error>([&] {
                (void)tokenizer_->encode(text, [&] {
                  if (--calls < 20) fail("test", "enough");
                });
              }),
              "[test] enough");
    EXPECT_EQ(calls, 19);
  }
}

TEST_F(Gpt2Tokenizer, TheNameOfTheEndIsText) {
  const std::vector<std::int32_t> ids = tokenizer_->encode("<|endoftext|>");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), tokenizer_->end_of_text()), 0);
  EXPECT_EQ(tokenizer_->decode(std::vector<std::int32_t>{tokenizer_->end_of_text()}), "<|endoftext|>");
  EXPECT_THROW((void)tokenizer_->decode(std::vector<std::int32_t>{317}), Error);
  EXPECT_THROW((void)tokenizer_->decode(std::vector<std::int32_t>{-1}), Error);
}

TEST_F(Gpt2Tokenizer, DamagedFilesAreNamed) {
  const auto expect = [&](const std::string& vocab, const std::string& text, const std::string& words) {
    const std::string message = error_of(vocab, text);
    EXPECT_NE(message.find(words), std::string::npos) << "expected \"" << words << "\", found: " << message;
  };
  const std::string good = vocab_json();
  EXPECT_EQ(error_of(good, merges_txt()), "no error");
  EXPECT_EQ(error_of(good, "h e\r\n\r\n"), "no error") << "Windows line ends, no version";
  expect("", "", "vocab.json: expected JSON");
  expect("[]", "", "vocab.json: expected an object");
  expect("{}", "", "vocab.json: expected an object");
  expect(good.substr(0, 500), "", "vocab.json: expected JSON");
  expect(good + "x", "", "vocab.json: expected JSON");
  expect("{\"a\": 0, \"a\": 1}", "", "each key once");
  expect("{\"a\": 0, \"b\": 0}", "", "expected the ids 0 to 1 once each");
  expect("{\"a\": 0, \"b\": 2}", "", "expected the ids 0 to 1 once each");
  expect("{\"a\": -1}", "", "expected the ids");
  expect("{\"a\": \"0\"}", "", "expected the ids");
  expect("{\"a\": 0}", "", "expected a token for every byte, found none for byte 0");
  expect("{\"\xe6\x97\xa5\": 0}", "", "byte characters");
  expect("{\"\xff\": 0}", "", "vocab.json: expected JSON");
  expect("{\"\": 0}", "", "byte characters");
  expect(good, "#version: 0.2\nh e\nh e\n", "merges.txt:3: the merge h e appears twice");
  expect(good, "h e\nq q\n", "merges.txt:2: the merge q q has a token or result that is not in the vocabulary");
  expect(good, "he\n", "merges.txt:1: expected two tokens and one space");
  expect(good, "h e y\n", "merges.txt:1: expected two tokens and one space");
  expect(good, "h \n", "merges.txt:1:");
  const std::string message =
      message_of<Error>([&] { (void)read_gpt2_tokenizer(folder_ / "none.json", folder_ / "m"); });
  EXPECT_NE(message.find("none.json: cannot be opened"), std::string::npos) << message;
}

// Random damage to good files: they are read, or refused with an Error.
TEST_F(Gpt2Tokenizer, RandomDamageNeverDoesMoreThanThrow) {
  const std::string vocab = vocab_json();
  const std::string text = merges_txt();
  int refused = 0;
  for (std::uint64_t trial = 0; trial < 1000; ++trial) {
    const PhiloxBlock words = philox({3, 3}, trial);
    std::string bad_vocab = vocab;
    std::string bad_text = text;
    std::string& bad = words[0] % 2 ? bad_vocab : bad_text;
    const std::size_t at = words[1] % bad.size();
    if (words[0] / 2 % 3 == 0)
      bad.erase(at, 1 + words[2] % 40);
    else
      bad[at] = static_cast<char>(words[2]);
    try {
      const auto tokenizer = read(bad_vocab, bad_text);
      ASSERT_EQ(tokenizer->decode(tokenizer->encode("the end \xff 12")), "the end \xff 12") << trial;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 200);
}

}  // namespace
}  // namespace trireme::data
