#include "runtime/data/loader.h"

#include <utility>

namespace trireme::data {
namespace {

constexpr std::string_view op = "data";

std::int64_t samples_of(const Source* source) {
  require(source != nullptr, op, "expected a source, found none");
  return source->samples();
}

}  // namespace

Share share_of(std::int64_t global_batch, const Division& division, std::int64_t micro) {
  const auto& [part, parts, micros] = division;
  if (parts < 1 || part < 0 || part >= parts) fail(op, "expected a part below", parts, "found", part);
  if (micros < 1 || micro < 0 || micro >= micros) fail(op, "expected a micro-batch below", micros, "found", micro);
  if (global_batch < 1 || global_batch % micros != 0 || (global_batch / micros) % parts != 0)
    fail(op, "a global batch of", global_batch, "samples does not divide into", micros, "micro-batches for", parts,
         "ranks; choose a multiple of", micros * parts);
  const std::int64_t count = global_batch / micros / parts;
  return {micro * (global_batch / micros) + part * count, count};
}

Loader::Loader(std::shared_ptr<const Source> source, LoaderOptions options)
    : source_(std::move(source)),
      options_(options),
      order_(options.order, samples_of(source_.get()), options.seed),
      workers_(std::make_shared<Workers>(options.workers)) {
  require(options_.global_batch >= 1, op, "expected a global batch of at least one sample, found",
          options_.global_batch);
}

HostBatch Loader::prepare(std::int64_t step, Share share) const {
  const std::int64_t size = options_.global_batch;
  if (step < 0 || share.first < 0 || share.count < 0 || share.first > size || share.count > size - share.first)
    fail(op, "expected samples inside a global batch of", size, "found", share.count, "from", share.first, "of step",
         step);
  HostBatch batch{.first_sample = step * size + share.first, .count = share.count, .fields = {}};
  const std::span<const Field> fields = source_->fields();
  for (const Field& field : fields) batch.fields.emplace_back(static_cast<std::size_t>(field.bytes() * share.count));
  workers_->each(share.count, [&](std::int64_t row) {
    std::vector<std::byte*> rows(fields.size());
    for (std::size_t f = 0; f < fields.size(); ++f) rows[f] = batch.fields[f].data() + row * fields[f].bytes();
    const Order::Place place = order_.at(batch.first_sample + row);
    source_->read(place.epoch, place.sample, rows);
  });
  return batch;
}

Batch Loader::upload(Device& device, const HostBatch& host) const {
  Batch batch = blank_batch(device, source_->fields(), host.count);
  batch.first_sample = host.first_sample;
  for (std::size_t f = 0; f < host.fields.size(); ++f) {
    const Tensor& tensor = batch[source_->fields()[f].name];
    device.copy_from_host(tensor.raw(), host.fields[f].data(), tensor.bytes());
  }
  return batch;
}

Batch blank_batch(Device& device, std::span<const Field> fields, std::int64_t count) {
  Batch batch;
  for (const Field& field : fields) {
    std::vector<std::int64_t> sizes{count};
    sizes.insert(sizes.end(), field.shape.begin(), field.shape.end());
    batch.tensors.emplace(field.name, empty(device, Shape(sizes), field.dtype));
  }
  return batch;
}

}  // namespace trireme::data
