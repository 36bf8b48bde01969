// XXH3, 64 bits (Y. Collet, xxHash 0.8): finds damage, does not stop a forger.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace trireme {

// A checksum of bytes that arrive in pieces.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void update(const void* data, std::int64_t bytes);
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::uint64_t checksum_of(std::string_view bytes);

// 16 hexadecimal digits, as xxhsum prints them.
std::string to_hex(std::uint64_t checksum);

}  // namespace trireme
