// TensorBoard's event files, read back by a reader written from the format alone.
#include "launcher/report/tensorboard.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/data/images/png.h"
#include "tests/support/scratch_folder.h"

namespace trireme::launcher {
namespace {

template <class T>
T little(const std::string& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

struct Field {
  std::uint64_t number = 0;  // of a varint, or the bits of a fixed field
  std::string bytes;
};

// The fields of a message by number; the last of equal ones.
std::vector<std::optional<Field>> fields_of(const std::string& message) {
  std::vector<std::optional<Field>> fields(16);
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message.at(at++));
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (!(byte & 0x80u)) return value;
    }
  };
  while (at < message.size()) {
    const std::uint64_t key = varint();
    Field field;
    switch (key & 7) {
      case 0: field.number = varint(); break;
      case 1: field.number = little<std::uint64_t>(message, at), at += 8; break;
      case 5: field.number = little<std::uint32_t>(message, at), at += 4; break;
      case 2: {
        const std::size_t size = varint();
        field.bytes = message.substr(at, size);
        EXPECT_EQ(field.bytes.size(), size);
        at += size;
        break;
      }
      default: ADD_FAILURE() << "wire type " << (key & 7); return fields;
    }
    fields.at(key >> 3) = field;
  }
  return fields;
}

std::vector<std::string> records_of(const std::string& file) {
  std::vector<std::string> records;
  for (std::size_t at = 0; at < file.size();) {
    const auto size = little<std::uint64_t>(file, at);
    EXPECT_EQ(little<std::uint32_t>(file, at + 8), masked_crc32c(file.substr(at, 8)));
    records.push_back(file.substr(at + 12, size));
    EXPECT_EQ(records.back().size(), size);
    EXPECT_EQ(little<std::uint32_t>(file, at + 12 + size), masked_crc32c(records.back()));
    at += 16 + size;
  }
  return records;
}

TEST(Crc32c, KnownVectors) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(masked_crc32c(std::string(8, '\0')), 0x07980329u);
}

TEST(EventRecord, Layout) {
  const std::string record = event_record("abc");
  ASSERT_EQ(record.size(), 8u + 4 + 3 + 4);
  EXPECT_EQ(record.substr(0, 8), std::string("\3\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(record.substr(12, 3), "abc");
  EXPECT_EQ(records_of(record), std::vector<std::string>{"abc"});
}

TEST(EventWriter, WritesScalars) {
  const test::ScratchFolder folder;
  EventWriter writer(folder.path(), 0);
  writer.add_scalar("loss/training", 1, 2.5);
  writer.add_scalar("loss/training", 300, -1e-3);
  EXPECT_NE(writer.path().find("/events.out.tfevents."), std::string::npos);
  const auto records = records_of(test::read_file(writer.path()));
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(fields_of(records[0])[3]->bytes, "brain.Event:2");

  const auto event = fields_of(records[2]);
  const double time = little<double>(std::string(reinterpret_cast<const char*>(&event[1]->number), 8), 0);
  EXPECT_GT(time, 1.6e9);
  EXPECT_EQ(event[2]->number, 300u);
  const auto value = fields_of(fields_of(event[5]->bytes)[1]->bytes);
  EXPECT_EQ(value[1]->bytes, "loss/training");
  float number = 0;
  std::memcpy(&number, &value[2]->number, sizeof number);
  EXPECT_EQ(number, -1e-3f);
}

TEST(EventWriter, WritesPictures) {
  const test::ScratchFolder folder;
  EventWriter writer(folder.path(), 0);
  const data::Image picture({3, 5, 1}, 77);
  writer.add_image("samples", 9, picture);
  const auto records = records_of(test::read_file(writer.path()));
  ASSERT_EQ(records.size(), 2u);
  const auto event = fields_of(records[1]);
  EXPECT_EQ(event[2]->number, 9u);
  const auto value = fields_of(fields_of(event[5]->bytes)[1]->bytes);
  EXPECT_EQ(value[1]->bytes, "samples");
  const auto image = fields_of(value[4]->bytes);
  EXPECT_EQ(image[1]->number, 3u);
  EXPECT_EQ(image[2]->number, 5u);
  EXPECT_EQ(image[3]->number, 1u);
  EXPECT_EQ(data::decode_png(image[4]->bytes, 1, "").values, picture.values);
}

TEST(EventWriter, AResumedRunTellsReadersToDropWhatItRepeats) {
  const test::ScratchFolder folder;
  const EventWriter writer(folder.path(), 40);
  const auto records = records_of(test::read_file(writer.path()));
  ASSERT_EQ(records.size(), 2u);
  const auto event = fields_of(records[1]);
  EXPECT_EQ(event[2]->number, 41u);
  EXPECT_EQ(fields_of(event[7]->bytes)[1]->number, 1u);  // SessionLog.START
}

TEST(EventWriter, SaysWhichFileItCannotWrite) {
  EXPECT_NE(test::message_of<Error>([] { EventWriter("/nowhere", 0); }).find("/nowhere/events.out.tfevents."),
            std::string::npos);
}

}  // namespace
}  // namespace trireme::launcher
