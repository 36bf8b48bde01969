// TensorBoard's event files: length-prefixed records with masked CRC-32C, each an Event message of TensorFlow's
// event.proto, of which the fields used here are written by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/file.h"
#include "runtime/data/images/image.h"

namespace trireme::launcher {

// CRC-32C (Castagnoli): of "123456789" e3069283.
std::uint32_t crc32c(std::string_view bytes);
// Rotated and shifted, so that a checksum of data that holds checksums is sound.
std::uint32_t masked_crc32c(std::string_view bytes);
// u64 length, u32 masked crc of it, the data, u32 masked crc of the data; little-endian.
std::string event_record(std::string_view data);

class EventWriter {
 public:
  // Starts a new file events.out.tfevents.<time>.<host>.<pid>.0 in `folder`, which must exist. Readers drop what
  // earlier files say about steps past `resumed_step`.
  EventWriter(const std::string& folder, std::int64_t resumed_step);

  void add_scalar(std::string_view tag, std::int64_t step, double value);
  void add_image(std::string_view tag, std::int64_t step, const data::Image& image);
  const std::string& path() const noexcept { return path_; }

 private:
  void add(std::string_view tag, std::int64_t step, std::string_view fields);
  void append(const std::string& event);

  std::string path_;
  FileHandle file_;
};

}  // namespace trireme::launcher
