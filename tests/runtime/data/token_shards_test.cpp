#include "runtime/data/token_shards.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>

#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using Ids = std::vector<std::int32_t>;
using test::message_of;
using test::ScratchFolder;

template <class Id>
std::string raw(const Ids& ids) {
  std::string bytes;
  for (std::int32_t id : ids) {
    const auto value = static_cast<Id>(id);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes;
}

std::string header(std::int32_t magic, std::int32_t version, std::int32_t tokens) {
  std::int32_t words[256]{magic, version, tokens};
  return {reinterpret_cast<const char*>(words), sizeof words};
}

std::string gpt2_shard(const Ids& ids) {
  return header(20240520, 1, static_cast<std::int32_t>(ids.size())) + raw<std::uint16_t>(ids);
}
std::string llama3_shard(const Ids& ids) {
  return header(20240801, 7, static_cast<std::int32_t>(ids.size())) + raw<std::uint32_t>(ids);
}

Ids all_of(const TokenStream& stream) {
  Ids ids(static_cast<std::size_t>(stream.size()));
  stream.read(0, ids);
  return ids;
}

TEST(TokenShards, AllThreeFormatsAreRead) {
  const ScratchFolder folder;
  const Ids ids{5, 0, 50256, 17, 65535};
  EXPECT_EQ(all_of(*open_token_shards({{folder.write("a", gpt2_shard(ids))}, ShardFormat::llm_c, 65536})), ids);
  EXPECT_EQ(all_of(*open_token_shards({{folder.write("n", raw<std::uint16_t>(ids))}, ShardFormat::raw_u16, 65536})),
            ids);
  const Ids wide{5, 128255, 70000};
  EXPECT_EQ(all_of(*open_token_shards({{folder.write("l", llama3_shard(wide))}, ShardFormat::llm_c, 128256})), wide);
}

TEST(TokenShards, ManyFilesAreOneStream) {
  const ScratchFolder folder;
  Ids all;
  std::vector<std::string> paths;
  for (int shard = 0; shard < 5; ++shard) {
    Ids ids;
    for (int i = 0; i < 3 + shard; ++i) ids.push_back(100 * shard + i);
    all.insert(all.end(), ids.begin(), ids.end());
    // Both widths in one stream.
    paths.push_back(
        folder.write("s_" + std::to_string(shard) + ".bin", shard % 2 ? llama3_shard(ids) : gpt2_shard(ids)));
  }
  folder.write("readme.txt", "not a shard");
  const auto listed = open_token_shards({paths, ShardFormat::llm_c, 1000});
  EXPECT_EQ(all_of(*listed), all);
  EXPECT_EQ(all_of(*open_token_shards({{folder.path()}, ShardFormat::llm_c, 1000})), all);
  EXPECT_EQ(all_of(*open_token_shards({{folder / "s_*.bin"}, ShardFormat::llm_c, 1000})), all);
  const auto size = static_cast<std::int64_t>(all.size());
  for (std::int64_t begin = 0; begin <= size; ++begin)
    for (std::int64_t end = begin; end <= size; ++end) {
      Ids got(static_cast<std::size_t>(end - begin));
      listed->read(begin, got);
      ASSERT_EQ(got, Ids(all.begin() + begin, all.begin() + end)) << begin << " to " << end;
    }
  Ids two(2);
  EXPECT_THROW(listed->read(size - 1, two), Error);
  EXPECT_THROW(listed->read(-1, two), Error);
}

TEST(TokenShards, AnIdOutsideTheVocabularyIsNamedWithItsPlace) {
  const ScratchFolder folder;
  const std::string path = folder.write("a.bin", gpt2_shard({1, 2, 300, 4}));
  const auto refusal = [&](std::int64_t vocabulary) {
    return message_of<Error>([&] { open_token_shards({{path}, ShardFormat::llm_c, vocabulary}); });
  };
  EXPECT_EQ(refusal(256), "[data] " + path +
                              ": at offset 1028 expected token ids below 256 found 300 - was the file made with "
                              "another tokenizer?");
  EXPECT_NE(refusal(300), "no error") << "300 itself";
  EXPECT_EQ(refusal(301), "no error");
  const std::string huge = folder.write("b.bin", header(20240801, 7, 1) + "\xff\xff\xff\xff");
  EXPECT_THROW(open_token_shards({{huge}, ShardFormat::llm_c, std::int64_t{1} << 31}), Error);
}

// Opening reads blocks from all over; what lies between them is met when it is read.
TEST(TokenShards, AnIdThatOpeningDoesNotMeetIsFoundWhenItIsRead) {
  const ScratchFolder folder;
  Ids tokens(1'000'000);
  tokens[5000] = 300;
  const std::string path = folder.write("a.bin", gpt2_shard(tokens));
  const auto stream = open_token_shards({{path}, ShardFormat::llm_c, 256});
  Ids ids(2);
  EXPECT_NO_THROW(stream->read(5001, ids));
  const std::string message = message_of<Error>([&] { stream->read(4999, ids); });
  EXPECT_NE(message.find("at offset 11024 expected token ids below 256 found 300"), std::string::npos) << message;
  tokens[5000] = 0;
  tokens.back() = 300;
  folder.write("a.bin", gpt2_shard(tokens));
  EXPECT_THROW(open_token_shards({{path}, ShardFormat::llm_c, 256}), Error) << "the end is looked at";
}

TEST(TokenShards, DamagedFilesAreNamed) {
  const ScratchFolder folder;
  const auto expect = [&](const std::string& bytes, ShardFormat format, const std::string& words) {
    const std::string path = folder.write("a.bin", bytes);
    const std::string message = message_of<Error>([&] { (void)open_token_shards({{path}, format, 65536}); });
    EXPECT_NE(message.find(words), std::string::npos) << "expected \"" << words << "\", found: " << message;
    EXPECT_NE(message.find(path), std::string::npos) << message;
  };
  const std::string good = gpt2_shard({1, 2, 3});
  expect("", ShardFormat::llm_c, "expected a header of 1024 bytes, found a file of 0");
  expect(good.substr(0, 1023), ShardFormat::llm_c, "found a file of 1023");
  expect(raw<std::uint16_t>(Ids(1000, 7)), ShardFormat::llm_c,
         "expected llm.c's magic number 20240520 or 20240801 found 458759");
  expect(header(20240520, 7, 3) + "123456", ShardFormat::llm_c, "at offset 4 expected version 1 found 7");
  expect(header(20240801, 1, 3) + std::string(12, 'x'), ShardFormat::llm_c, "expected version 7 found 1");
  expect(good.substr(0, good.size() - 1), ShardFormat::llm_c, "promises 3 tokens, which makes 1030 bytes, found 1029");
  expect(good + "x", ShardFormat::llm_c, "which makes 1030 bytes, found 1031");
  expect(header(20240520, 1, -1), ShardFormat::llm_c, "promises -1 tokens");
  expect(header(20240520, 1, 0), ShardFormat::llm_c, "promises 0 tokens");
  expect(header(20240520, 1, 2147483647), ShardFormat::llm_c, "promises 2147483647 tokens");
  expect("", ShardFormat::raw_u16, "found a file of 0 bytes");
  expect("123", ShardFormat::raw_u16, "expected ids of 2 bytes, found a file of 3 bytes");
  expect(good, ShardFormat::raw_u16, "found llm.c's magic number");
}

TEST(TokenShards, TheFormatCanBeDetected) {
  const ScratchFolder folder;
  const Ids ids{5, 0, 502, 17};
  const auto read = [&](const std::string& bytes) {
    return all_of(*open_token_shards({{folder.write("a.bin", bytes)}, ShardFormat::detect, 1000}));
  };
  EXPECT_EQ(read(gpt2_shard(ids)), ids);
  EXPECT_EQ(read(llama3_shard(ids)), ids);
  EXPECT_EQ(read(raw<std::uint16_t>(ids)), ids);
  const Ids many(2000, 7);
  EXPECT_EQ(read(raw<std::uint16_t>(many)), many);
  std::string damaged = gpt2_shard(ids);
  damaged[1] ^= 4;
  EXPECT_NE(message_of<Error>([&] { (void)read(damaged); }).find("magic number"), std::string::npos)
      << "a damaged header is not taken for ids";
}

TEST(TokenShards, OnlyRegularFilesAreOpened) {
  const ScratchFolder folder;
  const std::string fifo = folder / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto error = [](const std::string& path) {
    return message_of<Error>([&] { (void)open_token_shards({{path}, ShardFormat::raw_u16, 256}); });
  };
  EXPECT_NE(error(fifo).find("found a FIFO"), std::string::npos) << error(fifo);
  EXPECT_NE(error("/dev/zero").find("found a device"), std::string::npos);
  EXPECT_NE(error(folder / "absent.bin").find("No such file"), std::string::npos);
  EXPECT_THROW((void)open_token_shards({{folder.write("a", "12")}, ShardFormat::raw_u16, 0}), Error);
}

TEST(TokenShards, AFileThatShrinksIsAnErrorNotACrash) {
  const ScratchFolder folder;
  const std::string path = folder.write("a.bin", raw<std::uint16_t>(Ids(10000, 3)));
  const auto stream = open_token_shards({{path}, ShardFormat::raw_u16, 256});
  std::filesystem::resize_file(path, 100);
  Ids ids(1000);
  const std::string message = message_of<Error>([&] { stream->read(5000, ids); });
  EXPECT_NE(message.find("was cut short while in use"), std::string::npos) << message;
}

}  // namespace
}  // namespace trireme::data
