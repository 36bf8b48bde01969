#include "parallel/pipeline/orders.h"

#include <algorithm>

namespace trireme::parallel {
namespace {

// Micro-batches pass the chunks in groups: all of a group through the first chunk, then all through the second. A group
// has at least as many micro-batches as there are ranks, or its second round would wait for its first one to come
// round; what does not divide is dealt out, so that no group is short.
std::vector<int> groups(const PipelineShape& shape) {
  const int count = std::max(1, shape.micros / shape.ranks);
  std::vector<int> sizes;
  for (int group = 0; group < count; ++group)
    sizes.push_back(shape.micros / count + (group < shape.micros % count ? 1 : 0));
  return sizes;
}

std::vector<Action> in_groups(const PipelineShape& shape, Work work) {
  std::vector<Action> sequence;
  int first = 0;
  for (const int size : groups(shape)) {
    for (int round = 0; round < shape.chunks; ++round)
      for (int micro = first; micro < first + size; ++micro)
        sequence.push_back(
            {.work = work, .micro = micro, .chunk = work == Work::forward ? round : shape.chunks - 1 - round});
    first += size;
  }
  return sequence;
}

int interleaved_warm_up(const PipelineShape& shape, int rank) {
  const int all = shape.micros * shape.chunks;
  return std::min(all, 2 * (shape.ranks - 1 - rank) + (shape.chunks - 1) * groups(shape).front());
}

// `ahead` forwards, then one forward and one backward in turn.
template <class Backwards>
Order alternate(const std::vector<Action>& forwards, int ahead, Backwards&& backwards) {
  const int all = static_cast<int>(forwards.size());
  Order order(forwards.begin(), forwards.begin() + ahead);
  for (int i = 0; i < all; ++i) {
    if (ahead + i < all) order.push_back(forwards[static_cast<std::size_t>(ahead + i)]);
    backwards(order, i);
  }
  return order;
}

}  // namespace

Order gpipe_order(const PipelineShape& shape) {
  Order order;
  for (const Work work : {Work::forward, Work::backward})
    for (int micro = 0; micro < shape.micros; ++micro) order.push_back({.work = work, .micro = micro});
  return order;
}

Order one_f_one_b_order(const PipelineShape& shape, int rank) {
  return alternate(in_groups(shape, Work::forward), std::min(shape.ranks - 1 - rank, shape.micros),
                   [](Order& order, int i) { order.push_back({.work = Work::backward, .micro = i}); });
}

Order zb_h1_order(const PipelineShape& shape, int rank) {
  Order order = alternate(in_groups(shape, Work::forward), std::min(shape.ranks - 1 - rank, shape.micros),
                          [&](Order& so_far, int i) {
                            so_far.push_back({.work = Work::input_gradient, .micro = i});
                            if (i >= rank) so_far.push_back({.work = Work::weight_gradient, .micro = i - rank});
                          });
  for (int micro = std::max(0, shape.micros - rank); micro < shape.micros; ++micro)
    order.push_back({.work = Work::weight_gradient, .micro = micro});
  return order;
}

Order interleaved_order(const PipelineShape& shape, int rank) {
  const std::vector<Action> backwards = in_groups(shape, Work::backward);
  return alternate(in_groups(shape, Work::forward), interleaved_warm_up(shape, rank),
                   [&](Order& order, int i) { order.push_back(backwards[static_cast<std::size_t>(i)]); });
}

int interleaved_in_flight(const PipelineShape& shape, int rank) {
  return std::min(interleaved_warm_up(shape, rank) + 1, shape.micros * shape.chunks);
}

}  // namespace trireme::parallel
