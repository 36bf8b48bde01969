#include "launcher/report/tensorboard.h"

#include <fcntl.h>
#include <isa-l/crc.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "launcher/report/written_file.h"
#include "runtime/base/error.h"
#include "runtime/base/host.h"
#include "runtime/data/images/png.h"

namespace trireme::launcher {
namespace {

enum Wire : std::uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
namespace event {
constexpr std::uint32_t wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7;
}
namespace summary {
constexpr std::uint32_t value = 1;
}
namespace value {
constexpr std::uint32_t tag = 1, simple_value = 2, image = 4;
}
namespace image {
constexpr std::uint32_t height = 1, width = 2, colorspace = 3, encoded_image = 4;
}
namespace session_log {
constexpr std::uint32_t status = 1;
constexpr std::uint64_t start = 1;  // "drop everything at this step and after it"
}  // namespace session_log

template <class T>
void put_little(std::string& out, T bits) {
  for (std::size_t i = 0; i < sizeof bits; ++i) out += static_cast<char>((bits >> (8 * i)) & 0xffu);
}

void put_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80u; number >>= 7) out += static_cast<char>((number & 0x7fu) | 0x80u);
  out += static_cast<char>(number);
}

void put_key(std::string& out, std::uint32_t field, Wire wire) {
  put_varint(out, (std::uint64_t{field} << 3) | wire);
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view data) {
  put_key(out, field, bytes);
  put_varint(out, data.size());
  out += data;
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string event_at(std::int64_t step) {
  std::string out;
  put_key(out, event::wall_time, fixed64);
  put_little(out, std::bit_cast<std::uint64_t>(now_seconds()));
  if (step != 0) {
    put_key(out, event::step, varint);
    put_varint(out, static_cast<std::uint64_t>(step));
  }
  return out;
}

}  // namespace

std::uint32_t crc32c(std::string_view data) {
  // The library takes its bytes as non-const and does not change them.
  auto* first = reinterpret_cast<unsigned char*>(const_cast<char*>(data.data()));
  return crc32_iscsi(first, static_cast<int>(data.size()), 0xffffffffu) ^ 0xffffffffu;
}

std::uint32_t masked_crc32c(std::string_view data) {
  constexpr std::uint32_t delta = 0xa282ead8u;
  return std::rotr(crc32c(data), 15) + delta;
}

std::string event_record(std::string_view data) {
  std::string record;
  put_little(record, std::uint64_t{data.size()});
  put_little(record, masked_crc32c(record));
  record += data;
  put_little(record, masked_crc32c(data));
  return record;
}

EventWriter::EventWriter(const std::string& folder, std::int64_t resumed_step) {
  char time[32];
  std::snprintf(time, sizeof time, "%010lld", static_cast<long long>(now_seconds()));
  path_ = folder + "/events.out.tfevents." + time + '.' + host_name() + '.' + std::to_string(getpid()) + ".0";
  file_ = FileHandle(open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  require(static_cast<bool>(file_), "tensorboard", path_ + ": cannot be written:", reason_and_remedy(errno));
  std::string version = event_at(0);
  put_bytes(version, event::file_version, "brain.Event:2");
  append(version);
  if (resumed_step > 0) {
    std::string restart = event_at(resumed_step + 1), log;
    put_key(log, session_log::status, varint);
    put_varint(log, session_log::start);
    put_bytes(restart, event::session_log, log);
    append(restart);
  }
}

void EventWriter::add_scalar(std::string_view tag, std::int64_t step, double number) {
  std::string one;
  put_key(one, value::simple_value, fixed32);
  put_little(one, std::bit_cast<std::uint32_t>(static_cast<float>(number)));
  add(tag, step, one);
}

void EventWriter::add_image(std::string_view tag, std::int64_t step, const data::Image& picture) {
  std::string one, fields;
  for (const auto& [field, number] :
       {std::pair{image::height, picture.shape.height}, std::pair{image::width, picture.shape.width},
        std::pair{image::colorspace, picture.shape.channels}}) {
    put_key(fields, field, varint);
    put_varint(fields, static_cast<std::uint64_t>(number));
  }
  put_bytes(fields, image::encoded_image, data::encode_png(picture));
  put_bytes(one, value::image, fields);
  add(tag, step, one);
}

// `fields`: those of the value but its tag.
void EventWriter::add(std::string_view tag, std::int64_t step, std::string_view fields) {
  std::string one, all, out = event_at(step);
  put_bytes(one, value::tag, tag);
  one += fields;
  put_bytes(all, summary::value, one);
  put_bytes(out, event::summary, all);
  append(out);
}

void EventWriter::append(const std::string& data) {
  launcher::append("tensorboard", path_, file_, event_record(data));
}

}  // namespace trireme::launcher
