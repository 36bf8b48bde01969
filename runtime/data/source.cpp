#include "runtime/data/source.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "runtime/base/philox.h"

namespace trireme::data {

std::uint64_t fingerprint(const Source& source) {
  constexpr std::int64_t probes = 32;
  const std::int64_t samples = source.samples();
  std::uint64_t hash = hash_name(std::to_string(samples));
  std::vector<std::vector<std::byte>> fields;
  std::vector<std::byte*> rows;
  for (const Field& field : source.fields()) {
    hash = hash_name(field.name, hash);
    fields.emplace_back(static_cast<std::size_t>(field.bytes()));
    rows.push_back(fields.back().data());
  }
  for (std::int64_t probe = 0; probe < std::min(probes, samples); ++probe) {
    // The first and the last sample are among them.
    source.read(0, probe * (samples - 1) / std::max<std::int64_t>(1, std::min(probes, samples) - 1), rows);
    for (const std::vector<std::byte>& bytes : fields)
      hash = hash_name({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, hash);
  }
  return hash;
}

}  // namespace trireme::data
