#include <algorithm>
#include <cmath>

#include "runtime/kernels/host_state.h"
#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {
namespace {

// Sizes of a packed (B, T, H + 2 K, D) tensor, and where its vectors start.
struct Packed {
  std::int64_t batch, length, heads, kv_heads, width;

  Packed(const Tensor& qkv, const Attention& how)
      : batch(qkv.size(0)),
        length(qkv.size(1)),
        heads(how.heads),
        kv_heads(how.kv_heads),
        width(qkv.numel() == 0 ? 0 : qkv.numel() / (batch * length * (heads + 2 * kv_heads))) {}

  std::int64_t slot(std::int64_t b, std::int64_t t, std::int64_t s) const {
    return ((b * length + t) * (heads + 2 * kv_heads) + s) * width;
  }
  std::int64_t kv_head(std::int64_t h) const { return h / (heads / kv_heads); }
  std::int64_t query(std::int64_t b, std::int64_t t, std::int64_t h) const { return slot(b, t, h); }
  std::int64_t key(std::int64_t b, std::int64_t t, std::int64_t h) const { return slot(b, t, heads + kv_head(h)); }
  std::int64_t value(std::int64_t b, std::int64_t t, std::int64_t h) const {
    return slot(b, t, heads + kv_heads + kv_head(h));
  }
  std::int64_t out(std::int64_t b, std::int64_t t, std::int64_t h) const {
    return ((b * length + t) * heads + h) * width;
  }
};

double dot(const double* x, const double* y, std::int64_t count) {
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i) total += x[i] * y[i];
  return total;
}

void add_multiple(double* y, double factor, const double* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] += factor * x[i];
}

// Turns scores into their softmax; returns the log of the denominator.
double softmax_row(Values& scores) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  double total = 0;
  for (double score : scores) total += std::exp(score - largest);
  for (double& score : scores) score = std::exp(score - largest) / total;
  return largest + std::log(total);
}

// The probabilities of query (b, h, i) over the keys it sees, before dropout, and the log of their denominator.
struct Row {
  Values probabilities;
  double lse;
};
Row probabilities_of(const Values& qkv, const Packed& at, std::int64_t b, std::int64_t h, std::int64_t i,
                     const Attention& how) {
  const std::int64_t seen = how.causal ? i + 1 : at.length;
  Row row{Values(static_cast<std::size_t>(seen)), 0};
  for (std::int64_t j = 0; j < seen; ++j)
    row.probabilities[static_cast<std::size_t>(j)] =
        how.scale * dot(qkv.data() + at.query(b, i, h), qkv.data() + at.key(b, j, h), at.width);
  row.lse = softmax_row(row.probabilities);
  return row;
}

// What dropout multiplies probability (b, h, i, j) with: 0, or 1 / (1 - p).
double mask(const Packed& at, std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t j, const Dropout& how) {
  const std::int64_t element = how.first + how.runs.number(((b * at.heads + h) * at.length + i) * at.length + j);
  if (unit_float(random_word(sequence_of(how), static_cast<std::uint64_t>(element))) < how.probability) return 0;
  return 1 / (1 - double{how.probability});
}

template <class Visit>
void for_each_query(const Packed& at, Visit&& visit) {
  for (std::int64_t b = 0; b < at.batch; ++b)
    for (std::int64_t h = 0; h < at.heads; ++h)
      for (std::int64_t i = 0; i < at.length; ++i) visit(b, h, i);
}

}  // namespace

void ReferenceKernels::attention(Tensor& out, Tensor& lse, const Tensor& qkv, const Attention& how) {
  const Packed at(qkv, how);
  const Values input = load(qkv);
  Values result(static_cast<std::size_t>(out.numel())), denominators;
  for_each_query(at, [&](std::int64_t b, std::int64_t h, std::int64_t i) {
    const Row row = probabilities_of(input, at, b, h, i, how);
    denominators.push_back(row.lse);
    for (std::size_t j = 0; j < row.probabilities.size(); ++j) {
      const auto key = static_cast<std::int64_t>(j);
      add_multiple(result.data() + at.out(b, i, h), row.probabilities[j] * mask(at, b, h, i, key, how.dropout),
                   input.data() + at.value(b, key, h), at.width);
    }
  });
  store(out, result);
  store(lse, denominators);
}

// With P the probabilities, M the dropout mask and Z = M P:
//   dv_j = sum_i Z_ij do_i,  dP_ij = M_ij do_i . v_j,  dS_ij = P_ij (dP_ij - sum_k P_ik dP_ik),
//   dq_i = scale sum_j dS_ij k_j,  dk_j = scale sum_i dS_ij q_i.
// P is computed anew from qkv; out and lse, which blocked kernels need, are not read.
void ReferenceKernels::attention_grad(Tensor& dqkv, const Tensor& dout, const Tensor& qkv, const Tensor&, const Tensor&,
                                      const Attention& how) {
  const Packed at(qkv, how);
  const Values input = load(qkv), upstream = load(dout);
  Values result(input.size());
  for_each_query(at, [&](std::int64_t b, std::int64_t h, std::int64_t i) {
    const Values p = probabilities_of(input, at, b, h, i, how).probabilities;
    const double* g = upstream.data() + at.out(b, i, h);
    Values dp(p.size());
    for (std::size_t j = 0; j < p.size(); ++j) {
      const auto key = static_cast<std::int64_t>(j);
      const double keep = mask(at, b, h, i, key, how.dropout);
      dp[j] = keep * dot(g, input.data() + at.value(b, key, h), at.width);
      add_multiple(result.data() + at.value(b, key, h), p[j] * keep, g, at.width);
    }
    const double average = dot(p.data(), dp.data(), static_cast<std::int64_t>(p.size()));
    for (std::size_t j = 0; j < p.size(); ++j) {
      const auto key = static_cast<std::int64_t>(j);
      const double ds = how.scale * p[j] * (dp[j] - average);
      add_multiple(result.data() + at.query(b, i, h), ds, input.data() + at.key(b, key, h), at.width);
      add_multiple(result.data() + at.key(b, key, h), ds, input.data() + at.query(b, i, h), at.width);
    }
  });
  store(dqkv, result);
}

// Reads back what the cache holds, so that new keys are seen as rounded as old ones. Dropout plays no part.
void ReferenceKernels::attention_cached(Tensor& out, Tensor& cache, const Tensor& qkv, std::int64_t position,
                                        const Attention& how) {
  const Packed at(qkv, how);
  const Values input = load(qkv);
  const std::int64_t capacity = cache.size(1), row = 2 * at.kv_heads * at.width;
  Values rows = load(cache);
  for (std::int64_t b = 0; b < at.batch; ++b)
    for (std::int64_t t = 0; t < at.length; ++t)
      std::copy_n(input.data() + at.slot(b, t, at.heads), row, rows.data() + (b * capacity + position + t) * row);
  store(cache, rows);
  rows = load(cache);
  Values result(static_cast<std::size_t>(out.numel()));
  for_each_query(at, [&](std::int64_t b, std::int64_t h, std::int64_t i) {
    const double* keys = rows.data() + b * capacity * row + at.kv_head(h) * at.width;
    const double* values = keys + at.kv_heads * at.width;
    Values p(static_cast<std::size_t>(position + i + 1));
    for (std::size_t j = 0; j < p.size(); ++j)
      p[j] = how.scale * dot(input.data() + at.query(b, i, h), keys + static_cast<std::int64_t>(j) * row, at.width);
    softmax_row(p);
    for (std::size_t j = 0; j < p.size(); ++j)
      add_multiple(result.data() + at.out(b, i, h), p[j], values + static_cast<std::int64_t>(j) * row, at.width);
  });
  store(out, result);
}

}  // namespace trireme::reference
