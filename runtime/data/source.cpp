#include "runtime/data/source.h"

#include <algorithm>
#include <vector>

#include "runtime/base/checksum.h"
#include "runtime/base/philox.h"

namespace trireme::data {

std::uint64_t Source::checksum() const {
  const std::int64_t all = samples(), probes = std::min<std::int64_t>(32, all);
  std::vector<std::vector<std::byte>> values;
  std::vector<std::byte*> rows;
  for (const Field& field : fields()) {
    values.emplace_back(static_cast<std::size_t>(field.bytes()));
    rows.push_back(values.back().data());
  }
  Checksum sum;
  for (std::int64_t probe = 0; probe < probes; ++probe) {
    read(0, probe * (all - 1) / std::max<std::int64_t>(1, probes - 1), rows);
    for (const std::vector<std::byte>& bytes : values)
      sum.update(bytes.data(), static_cast<std::int64_t>(bytes.size()));
  }
  return sum.value();
}

std::uint64_t fingerprint(const Source& source) {
  std::uint64_t hash = hash_name(std::to_string(source.samples()));
  for (const Field& field : source.fields()) hash = hash_name(field.name, hash);
  return hash_name(to_hex(source.checksum()), hash);
}

}  // namespace trireme::data
