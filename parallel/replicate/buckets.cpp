#include "parallel/replicate/buckets.h"

#include "runtime/device/timeline.h"

namespace trireme::parallel {

Buckets::Buckets(nn::FlatParameters& parameters, const Axis& axis, const BucketOptions& options)
    : parameters_(parameters), axis_(axis) {
  if (axis_.size() == 1) return;
  overlap_ = parameters.trainable() * size_of(DType::f32) > options.bytes;
  if (overlap_) {
    divide(options.bytes);
  } else {  // so little that it goes at once when the pass ends: a second thread would only cost a hand-over
    buckets_.push_back({.begin = 0, .end = parameters.trainable(), .label = "all gradients"});
  }
}

Buckets::~Buckets() {
  if (in_flight_) {  // an error is passing: what the communication thread still does must end while it has a group
    axis_.communication().abort("this rank left in the middle of a step");
    try {
      parameters_.device().communication().synchronize();
    } catch (const std::exception&) {  // it is told elsewhere why
    }
  }
  for (const nn::Placement& p : parameters_.placements()) p.parameter->leaf.on_ready = nullptr;
}

void Buckets::divide(std::int64_t bytes) {
  const auto& placements = parameters_.placements();
  // The backward pass runs from the last parameter to the first; the parameters without weight decay, small and spread
  // over all layers, are complete only at its end.
  for (auto group = parameters_.groups().begin(); group != parameters_.groups().end(); ++group) {
    std::int64_t end = group->end;
    bool open = false;
    for (auto p = placements.rbegin(); p != placements.rend(); ++p) {
      if (p->begin < group->begin || p->begin >= group->end) continue;
      if (!open) {
        buckets_.push_back({.begin = end, .end = end, .label = "gradients of " + p->parameter->name});
        open = true;
      }
      Bucket& bucket = buckets_.back();
      bucket.begin = end = p->begin;
      ++bucket.parameters;
      p->parameter->leaf.on_ready = [this, parameter = p->parameter, index = buckets_.size() - 1] {
        ready(*parameter, index);
      };
      if ((bucket.end - bucket.begin) * size_of(DType::f32) >= bytes) open = false;
      if (!open || p->begin == group->begin) bucket.label += " ... " + p->parameter->name;
    }
  }
}

void Buckets::begin(bool last) {
  armed_ = last;
  next_ = 0;
  for (Bucket& bucket : buckets_) bucket.waiting = bucket.parameters;
}

void Buckets::ready(nn::Parameter& parameter, std::size_t index) {
  if (!armed_) return;
  parameters_.zero_if_untouched(parameter);
  --buckets_[index].waiting;
  while (overlap_ && next_ < buckets_.size() && buckets_[next_].waiting == 0) launch(buckets_[next_++]);
}

void Buckets::launch(Bucket& bucket) {
  Tensor range = parameters_.gradients.range(bucket.begin, bucket.end);
  in_flight_ = true;
  const Region region{range.raw(), range.numel(), range.dtype(), bucket.label};
  Device& device = parameters_.device();
  Stream& stream = overlap_ ? device.communication() : device.compute();
  if (overlap_) stream.wait(device.compute().record());
  const TimeRange timed(device, stream, bucket.label, "communication");
  axis_.communication().all_reduce(region, Reduction::sum, stream);  // its own memory, whichever the stream
}

void Buckets::finish() {
  parameters_.zero_untouched();
  while (next_ < buckets_.size()) launch(buckets_[next_++]);
  if (overlap_) parameters_.device().compute().wait(parameters_.device().communication().record());
  armed_ = false;
  in_flight_ = false;
}

}  // namespace trireme::parallel
