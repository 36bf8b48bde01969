// Attention of a few queries over many keys, as in generation: bound by reading the cache, so no tiles and no copies.
#include "runtime/kernels/cpu/level/declarations.h"
#include "runtime/kernels/cpu/level/functions.h"

namespace trireme::cpu::TRIREME_LEVEL {
namespace {

template <class S>
[[gnu::always_inline]] inline typename S::Element* row_of(const Head& head, std::int64_t row) {
  return static_cast<typename S::Element*>(head.data.data) + head.offset + row * head.stride;
}

template <class S>
float dot(const typename S::Element* x, const typename S::Element* y, std::int64_t count) {
  Floats total = zeros();
  for_lanes(count, [&](std::int64_t d, auto part) { total += load<S>(x + d, part) * load<S>(y + d, part); });
  return sum_of(total);
}

// Scores become probabilities; returns the log of their denominator.
float normalise(float* scores, std::int64_t count) {
  float largest = -__builtin_inff();
  for (std::int64_t j = 0; j < count; ++j) largest = scores[j] > largest ? scores[j] : largest;
  Floats sums = zeros();
  for_lanes(count, [&](std::int64_t j, auto part) {
    const Floats p = only(exp_of_nonpositive(load<F32>(scores + j, part) - largest), part, 0.0f);
    sums += p;
    store<F32>(scores + j, p, part);
  });
  const float total = sum_of(sums), factor = 1.0f / total;
  for (std::int64_t j = 0; j < count; ++j) scores[j] *= factor;
  return largest + __builtin_logf(total);
}

template <class S>
void one_query(const AttentionForward& head, std::int64_t i) {
  const std::int64_t last = head.causal ? head.first + i + 1 : head.keys;
  const std::int64_t count = last < head.keys ? last : head.keys;
  float* scores = head.scratch;
  const auto* query = row_of<S>(head.query, i);
  for (std::int64_t j = 0; j < count; ++j) scores[j] = head.scale * dot<S>(query, row_of<S>(head.key, j), head.width);
  const float lse = normalise(scores, count);
  if (head.lse) head.lse[i] = lse;
  auto* out = row_of<S>(head.out, i);
  for_lanes(head.width, [&](std::int64_t d, auto part) {
    Floats total = zeros();
    for (std::int64_t j = 0; j < count; ++j) total += load<S>(row_of<S>(head.value, j) + d, part) * scores[j];
    store<S>(out + d, total, part);
  });
}

}  // namespace

void attention_few(const AttentionForward& head) {
  with_storage(head.query.data.dtype, [&]<class S>(S) {
    for (std::int64_t i = 0; i < head.queries; ++i) one_query<S>(head, i);
  });
}

}  // namespace trireme::cpu::TRIREME_LEVEL
