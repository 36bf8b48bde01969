// Built without contraction into fused multiply-adds, as the CPU's random numbers are: the same bits on both.
#include <cmath>

#include "runtime/base/random_formula.h"
#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/sweep.h"

namespace trireme::cuda {
namespace {

// A generator's block gives the four elements of a sequence from a multiple of four on.
constexpr int block_words = 4;

// The elements [first, first + count) of a sequence that a tensor holds.
struct Slice {
  std::int64_t first, count;
  bool aligned;  // elements from a multiple of four on lie in one access

  __host__ __device__ std::int64_t first_block() const { return first / block_words; }
  __host__ __device__ std::int64_t blocks() const { return (first + count - 1) / block_words - first_block() + 1; }
};

Slice slice_of(std::int64_t first, std::int64_t count, std::initializer_list<Place> places) {
  Slice slice{first, count, true};
  for (const Place& place : places)
    slice.aligned = slice.aligned && (unaligned(place, block_words) + first) % block_words == 0;
  return slice;
}

// body(Width<n>{}, element of the tensor, words): four elements together where they lie so, else one by one.
template <class Body>
__device__ void for_words(const Slice& slice, RandomKey key, Body&& body) {
  const std::int64_t blocks = slice.blocks();
  for (std::int64_t b = thread_index(); b < blocks; b += thread_count()) {
    const std::int64_t block = slice.first_block() + b, at = block * block_words - slice.first;
    const PhiloxBlock drawn = philox(key, static_cast<std::uint64_t>(block));
    if (slice.aligned && at >= 0 && at + block_words <= slice.count) {
      body(Width<block_words>{}, at, 0, drawn);
    } else {
      for (int i = 0; i < block_words; ++i)
        if (at + i >= 0 && at + i < slice.count) body(Width<1>{}, at + i, i, drawn);
    }
  }
}

// Four elements of the sequence from their block.
template <Distribution distribution>
__device__ void draw(float (&to)[block_words], const PhiloxBlock& words, float a, float b) {
  if constexpr (distribution == Distribution::normal) {
    for (int i = 0; i < block_words; i += 2) {
      const float radius = sqrtf(squared_radius(words[i]));
      const Direction direction = direction_of(words[i + 1]);
      to[i] = a + b * (radius * direction.cosine);
      to[i + 1] = a + b * (radius * direction.sine);
    }
  } else {
    for (int i = 0; i < block_words; ++i) {
      if constexpr (distribution == Distribution::uniform)
        to[i] = a + (b - a) * unit_float(words[i]);
      else
        to[i] = a + b * truncated_normal_of(words[i]);
    }
  }
}

template <class T, Distribution distribution>
__global__ void __launch_bounds__(block_threads) random_kernel(T* y, RandomKey key, float a, float b, Slice slice) {
  for_words(slice, key, [=]<int n>(Width<n>, std::int64_t at, int skip, const PhiloxBlock& words) {
    float four[block_words], values[n];
    draw<distribution>(four, words, a, b);
    for (int i = 0; i < n; ++i) values[i] = four[skip + i];
    store(y + at, values);
  });
}

// One of four, without an index, which would keep them in memory.
template <class Four>
__device__ auto chosen(const Four& from, int which) {
  const auto low = (which & 1) != 0 ? from[1] : from[0], high = (which & 1) != 0 ? from[3] : from[2];
  return (which & 2) != 0 ? high : low;
}

// The same for elements that come in runs, one by one.
template <class Body>
__device__ void for_numbers(const Runs& runs, std::int64_t first, std::int64_t count, RandomKey key, Body&& body) {
  for (std::int64_t at = thread_index(); at < count; at += thread_count()) {
    const std::int64_t number = first + runs.number(at);
    body(at, static_cast<int>(number % block_words), philox(key, static_cast<std::uint64_t>(number / block_words)));
  }
}

template <class T, Distribution distribution>
__global__ void __launch_bounds__(block_threads)
    random_runs_kernel(T* y, RandomKey key, float a, float b, std::int64_t first, std::int64_t count, Runs runs) {
  for_numbers(runs, first, count, key, [=](std::int64_t at, int skip, const PhiloxBlock& words) {
    float four[block_words];
    draw<distribution>(four, words, a, b);
    y[at] = rounded<T>(chosen(four, skip));
  });
}

struct Mask {
  RandomKey key;
  std::int64_t step;
  const StepState* state;  // whose step is used instead, or null
  float probability, factor;
};

template <class T>
__global__ void __launch_bounds__(block_threads) dropout_kernel(T* y, const T* x, Mask mask, Slice slice) {
  const RandomKey key = at_step(mask.key, mask.state ? mask.state->step : mask.step);
  for_words(slice, key, [=]<int n>(Width<n>, std::int64_t at, int skip, const PhiloxBlock& words) {
    float values[n];
    load(values, x + at);
    for (int i = 0; i < n; ++i)
      values[i] = unit_float(words[skip + i]) < mask.probability ? 0.0f : values[i] * mask.factor;
    store(y + at, values);
  });
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    dropout_runs_kernel(T* y, const T* x, Mask mask, std::int64_t first, std::int64_t count, Runs runs) {
  const RandomKey key = at_step(mask.key, mask.state ? mask.state->step : mask.step);
  for_numbers(runs, first, count, key, [=](std::int64_t at, int skip, const PhiloxBlock& words) {
    y[at] = rounded<T>(unit_float(chosen(words, skip)) < mask.probability ? 0.0f : to_float(x[at]) * mask.factor);
  });
}

}  // namespace

void CudaKernels::random(Tensor& y, const RandomFill& how) {
  if (y.numel() == 0) return;
  visit_compute_type("random", y.dtype(), [&]<class T>(T) {
    if (how.runs.length > 0) {
      const auto kernel = how.distribution == Distribution::normal ? random_runs_kernel<T, Distribution::normal>
                          : how.distribution == Distribution::uniform
                              ? random_runs_kernel<T, Distribution::uniform>
                              : random_runs_kernel<T, Distribution::truncated_normal>;
      launch(stream_, grid_for(y.numel(), multiprocessors()), kernel, y.data<T>(), how.key, how.a, how.b, how.first,
             y.numel(), how.runs);
      return;
    }
    const Slice slice = slice_of(how.first, y.numel(), {place_of(y.data<T>())});
    const auto kernel = how.distribution == Distribution::normal    ? random_kernel<T, Distribution::normal>
                        : how.distribution == Distribution::uniform ? random_kernel<T, Distribution::uniform>
                                                                    : random_kernel<T, Distribution::truncated_normal>;
    launch(stream_, grid_for(slice.blocks(), multiprocessors()), kernel, y.data<T>(), how.key, how.a, how.b, slice);
  });
}

void CudaKernels::dropout(Tensor& y, const Tensor& x, const Dropout& how) {
  if (x.numel() == 0) return;
  const Mask mask{.key = how.key,
                  .step = how.step,
                  .state = state_of(how.state),
                  .probability = how.probability,
                  .factor = 1.0f / (1.0f - how.probability)};
  visit_compute_type("dropout", x.dtype(), [&]<class T>(T) {
    if (how.runs.length > 0) {
      launch(stream_, grid_for(x.numel(), multiprocessors()), dropout_runs_kernel<T>, y.data<T>(), x.data<T>(), mask,
             how.first, x.numel(), how.runs);
      return;
    }
    const Slice slice = slice_of(how.first, x.numel(), {place_of(y.data<T>()), place_of(x.data<T>())});
    launch(stream_, grid_for(slice.blocks(), multiprocessors()), dropout_kernel<T>, y.data<T>(), x.data<T>(), mask,
           slice);
  });
}

}  // namespace trireme::cuda
