// Data that can be asked for any of its samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "runtime/base/dtype.h"
#include "runtime/base/shape.h"

namespace trireme::data {

// One tensor of a batch; `shape` is that of a single sample.
struct Field {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;

  std::int64_t bytes() const { return shape.numel() * size_of(dtype); }
};

class Source {
 public:
  virtual ~Source() = default;

  virtual std::span<const Field> fields() const = 0;
  // Per epoch; at least one.
  virtual std::int64_t samples() const = 0;
  // Writes sample `sample` of epoch `epoch`; rows[f] takes the bytes of field f. Safe from several threads. A function
  // of its arguments alone.
  virtual void read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const = 0;
  // A number made of the data. Here: of 32 samples spread over the first epoch, the first and the last among them;
  // a source that can take in more, at a price below that of opening it, does.
  virtual std::uint64_t checksum() const;
};

// A number that tells data sets apart: from the fields, the number of samples and the checksum. A run that resumes
// compares it, since a position means nothing in other data.
std::uint64_t fingerprint(const Source& source);

}  // namespace trireme::data
