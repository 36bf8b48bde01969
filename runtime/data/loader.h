// Batches as a pure function of the step: global batch `step` is samples [step * G, (step + 1) * G) of the order,
// whoever asks. Resuming needs the step alone, and any number of ranks sees the same data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/data/batch.h"
#include "runtime/data/order.h"
#include "runtime/data/source.h"
#include "runtime/data/workers.h"

namespace trireme::data {

struct LoaderOptions {
  std::int64_t global_batch = 1;  // samples per step, over all ranks and micro-batches
  OrderKind order = OrderKind::shuffled;
  std::uint64_t seed = 0;
  int workers = 1;  // threads that read a batch, with the one that asks for it
};

// Samples [first, first + count) of a global batch.
struct Share {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

// The share of part `part` of `parts` in micro-batch `micro` of `micros`: micro-batch first, then part, both
// contiguous. The global batch must divide into parts * micros equal shares.
struct Division {
  int part = 0;
  int parts = 1;
  std::int64_t micros = 1;
};
Share share_of(std::int64_t global_batch, const Division& division, std::int64_t micro);

// Samples in host memory, one block of rows per field.
struct HostBatch {
  std::int64_t first_sample = 0;
  std::int64_t count = 0;
  std::vector<std::vector<std::byte>> fields;
};

class Loader {
 public:
  Loader(std::shared_ptr<const Source> source, LoaderOptions options);

  const Source& source() const noexcept { return *source_; }
  std::int64_t global_batch() const noexcept { return options_.global_batch; }

  // Samples share.first ... of global batch `step`, on `device`.
  Batch at(Device& device, std::int64_t step, Share share) const { return upload(device, prepare(step, share)); }

  // at() in two halves: reading, which any thread may do, and the copy, which belongs to the device's thread.
  HostBatch prepare(std::int64_t step, Share share) const;
  Batch upload(Device& device, const HostBatch& host) const;

 private:
  std::shared_ptr<const Source> source_;
  LoaderOptions options_;
  Order order_;
  std::shared_ptr<const Workers> workers_;
};

// A batch of `count` samples with uninitialised contents: what a dry run needs.
Batch blank_batch(Device& device, std::span<const Field> fields, std::int64_t count);

}  // namespace trireme::data
