#include "runtime/base/checksum.h"

#include <xxhash.h>

#include "runtime/base/error.h"

namespace trireme {

struct Checksum::State {
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> xxh{XXH3_createState()};  // aligned to 64 bytes by the library
};

Checksum::Checksum() : state_(std::make_unique<State>()) {
  require(state_->xxh && XXH3_64bits_reset(state_->xxh.get()) == XXH_OK, "checksum", "out of memory");
}

Checksum::~Checksum() = default;

void Checksum::update(const void* data, std::int64_t bytes) {
  if (bytes > 0) XXH3_64bits_update(state_->xxh.get(), data, static_cast<std::size_t>(bytes));
}

std::uint64_t Checksum::value() const {
  return XXH3_64bits_digest(state_->xxh.get());
}

std::uint64_t checksum_of(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string to_hex(std::uint64_t checksum) {
  std::string digits(16, '0');
  for (int i = 15; i >= 0; --i, checksum >>= 4) digits[static_cast<std::size_t>(i)] = "0123456789abcdef"[checksum & 15];
  return digits;
}

}  // namespace trireme
