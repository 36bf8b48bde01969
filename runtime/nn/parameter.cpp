#include "runtime/nn/parameter.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace trireme::nn {
namespace {

float fan_in(const Shape& shape) {
  return static_cast<float>(shape.dims() < 2 ? shape.numel() : shape.numel() / shape[0]);
}
float fan_out(const Shape& shape) {
  return static_cast<float>(shape.dims() < 1 ? 1 : shape[0]);
}

RandomFill spread(const Parameter& parameter) {
  const Init& init = parameter.init;
  const float in = fan_in(parameter.piece.whole), out = fan_out(parameter.piece.whole);
  switch (init.kind) {
    case Init::Kind::normal: return {.distribution = Distribution::normal, .a = 0.0f, .b = init.value};
    case Init::Kind::truncated_normal:
      return {.distribution = Distribution::truncated_normal, .a = 0.0f, .b = init.value};
    case Init::Kind::uniform: return {.distribution = Distribution::uniform, .a = -init.value, .b = init.value};
    case Init::Kind::xavier_uniform: {
      const float bound = init.value * std::sqrt(6.0f / (in + out));
      return {.distribution = Distribution::uniform, .a = -bound, .b = bound};
    }
    case Init::Kind::xavier_normal:
      return {.distribution = Distribution::normal, .a = 0.0f, .b = init.value * std::sqrt(2.0f / (in + out))};
    case Init::Kind::he_uniform: {
      const float bound = init.value * std::sqrt(6.0f / in);
      return {.distribution = Distribution::uniform, .a = -bound, .b = bound};
    }
    case Init::Kind::he_normal:
      return {.distribution = Distribution::normal, .a = 0.0f, .b = init.value * std::sqrt(2.0f / in)};
    case Init::Kind::constant: break;
  }
  fail("initialise", "expected a random initialiser for", parameter.name);
}

}  // namespace

void Parameter::keep(int dim, std::vector<Interval> intervals) {
  require(piece.is_whole() && !leaf.value, "parameter", "expected a whole parameter without memory to keep a piece of");
  require(dim >= 0 && dim < shape.dims() && !intervals.empty() && (dim == 0 || intervals.size() == 1), "parameter",
          "expected intervals of the outermost dimension, or one of another, of", shape, "found", intervals.size(),
          "of dimension", dim);
  std::int64_t kept = 0;
  for (const Interval& interval : intervals) {
    if (interval.begin < 0 || interval.end < interval.begin || interval.end > shape[dim])
      fail("parameter", "expected an interval within", shape[dim], "elements, found [", interval.begin, ",",
           interval.end, ")");
    kept += interval.size();
  }
  std::vector<std::int64_t> sizes(shape.begin(), shape.end());
  sizes[static_cast<std::size_t>(dim)] = kept;
  shape = Shape(sizes);
  piece.dim = dim;
  piece.intervals = std::move(intervals);
}

std::vector<Run> runs_of(const Piece& piece, std::int64_t first, std::int64_t count) {
  if (piece.is_whole()) return {{first, first, count}};
  std::int64_t inner = 1, outer = 1;  // elements of one step along the dimension; steps of the dimensions before it
  for (int dim = 0; dim < piece.dim; ++dim) outer *= piece.whole[dim];
  for (int dim = piece.dim + 1; dim < piece.whole.dims(); ++dim) inner *= piece.whole[dim];
  const std::int64_t period = piece.whole[piece.dim] * inner, last = first + count;
  std::vector<Run> runs;
  std::int64_t here = 0;
  for (std::int64_t row = 0; row < outer && here < last; ++row)
    for (const Interval& interval : piece.intervals) {
      const std::int64_t length = interval.size() * inner, begin = std::max(first, here),
                         end = std::min(last, here + length);
      if (begin < end) runs.push_back({begin, row * period + interval.begin * inner + begin - here, end - begin});
      here += length;
    }
  return runs;
}

std::vector<NumberedRuns> numbered_runs(const Piece& piece, std::int64_t first, std::int64_t count) {
  const std::vector<Run> runs = runs_of(piece, first, count);
  std::vector<NumberedRuns> found;
  for (std::size_t i = 0; i < runs.size();) {
    std::size_t end = i + 1;
    const std::int64_t length = runs[i].count, stride = end < runs.size() ? runs[end].whole - runs[i].whole : 0;
    while (end < runs.size() && runs[end].count == length && runs[end].whole - runs[end - 1].whole == stride) ++end;
    found.push_back({.here = runs[i].here,
                     .count = static_cast<std::int64_t>(end - i) * length,
                     .first = runs[i].whole,
                     .runs = end - i > 1 ? Runs{.length = length, .stride = stride} : Runs{}});
    i = end;
  }
  return found;
}

void initialise(Kernels& kernels, Tensor& value, const Parameter& parameter, std::uint64_t seed, std::int64_t first) {
  if (parameter.init.kind == Init::Kind::constant) return kernels.fill(value, parameter.init.value);
  RandomFill how = spread(parameter);
  how.key = {seed, hash_name(parameter.name)};
  for (const NumberedRuns& part : numbered_runs(parameter.piece, first, value.numel())) {
    how.first = part.first;
    how.runs = part.runs;
    Tensor here = value.range(part.here - first, part.here - first + part.count);
    kernels.random(here, how);
  }
}

}  // namespace trireme::nn
