// Attention for generation: a few new positions over a cache of keys and values.
#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/cuda/team.h"

namespace trireme::cuda {
namespace {

template <class T>
struct CachedAttention {
  T* out;
  T* cache;
  const T* qkv;
  std::int64_t batch, length, heads, kv_heads, width, capacity, position;
  float scale;

  __device__ std::int64_t slots() const { return heads + 2 * kv_heads; }
  // The elements of a position in the cache.
  __device__ std::int64_t row() const { return 2 * kv_heads * width; }
};

// The keys and values of the new positions go to their rows.
template <class T>
__global__ void __launch_bounds__(block_threads) append_kernel(CachedAttention<T> a) {
  const std::int64_t count = a.batch * a.length * a.row();
  for (std::int64_t i = thread_index(); i < count; i += thread_count()) {
    const std::int64_t line = i / a.row(), b = line / a.length, t = line % a.length, element = i % a.row();
    a.cache[(b * a.capacity + a.position + t) * a.row() + element] =
        a.qkv[(line * a.slots() + a.heads) * a.width + element];
  }
}

constexpr int query_warps = 4;
constexpr int lane_elements = 8;  // of a head of up to 256

// What a warp found among its keys: the softmax's peak, and the values weighed with e^(score - largest).
struct Gathered {
  Peak peak;
  float values[lane_elements];  // elements lane, lane + 32, ...
};

template <class T>
__device__ void add_key(Gathered& g, const float (&query)[lane_elements], const T* key, const T* value, int width) {
  const int lane = threadIdx.x % warp_threads;
  float score = 0;
  for (int j = 0; j < lane_elements; ++j)
    if (lane + j * warp_threads < width) score += query[j] * to_float(key[lane + j * warp_threads]);
  score = over_warp(score, Add{});
  const float largest = fmaxf(g.peak.largest, score);
  const float kept = g.peak.largest == largest ? 1.0f : expf(g.peak.largest - largest), share = expf(score - largest);
  g.peak = {largest, g.peak.total * kept + share};
  for (int j = 0; j < lane_elements; ++j)
    if (lane + j * warp_threads < width)
      g.values[j] = g.values[j] * kept + share * to_float(value[lane + j * warp_threads]);
}

// A block for each query: warps take the keys in turn, and their finds are added in the order of the warps.
template <class T>
__global__ void __launch_bounds__(query_warps* warp_threads) attend_kernel(CachedAttention<T> a) {
  __shared__ Peak peaks[query_warps];
  __shared__ float values[query_warps][lane_elements * warp_threads];
  const std::int64_t h = blockIdx.x % a.heads, line = blockIdx.x / a.heads, b = line / a.length, t = line % a.length;
  const int lane = threadIdx.x % warp_threads, warp = threadIdx.x / warp_threads, width = static_cast<int>(a.width);
  float query[lane_elements] = {};
  for (int j = 0; j < lane_elements; ++j)
    if (lane + j * warp_threads < width)
      query[j] = a.scale * to_float(a.qkv[(line * a.slots() + h) * a.width + lane + j * warp_threads]);

  const T* keys = a.cache + b * a.capacity * a.row() + h / (a.heads / a.kv_heads) * a.width;
  Gathered g{{-HUGE_VALF, 0.0f}, {}};
  for (std::int64_t key = warp; key <= a.position + t; key += query_warps)
    add_key(g, query, keys + key * a.row(), keys + key * a.row() + a.kv_heads * a.width, width);
  if (lane == 0) peaks[warp] = g.peak;
  for (int j = 0; j < lane_elements; ++j) values[warp][lane + j * warp_threads] = g.values[j];
  __syncthreads();

  Peak whole = peaks[0];
  for (int w = 1; w < query_warps; ++w) whole = Merge{}(whole, peaks[w]);
  for (int element = threadIdx.x; element < width; element += query_warps * warp_threads) {
    float total = 0;
    for (int w = 0; w < query_warps; ++w) total += values[w][element] * expf(peaks[w].largest - whole.largest);
    a.out[(line * a.heads + h) * a.width + element] = rounded<T>(total / whole.total);
  }
}

}  // namespace

void CudaKernels::attention_cached(Tensor& out, Tensor& cache, const Tensor& qkv, std::int64_t position,
                                   const Attention& how) {
  if (qkv.numel() == 0) return;
  const std::int64_t width = qkv.numel() / (qkv.size(0) * qkv.size(1) * (how.heads + 2 * how.kv_heads));
  require(width <= lane_elements * warp_threads, "attention", "expected heads of up to", lane_elements * warp_threads,
          "elements on a GPU, found", width);
  visit_compute_type("attention", qkv.dtype(), [&]<class T>(T) {
    const CachedAttention<T> a{.out = out.data<T>(),
                               .cache = cache.data<T>(),
                               .qkv = qkv.data<T>(),
                               .batch = qkv.size(0),
                               .length = qkv.size(1),
                               .heads = how.heads,
                               .kv_heads = how.kv_heads,
                               .width = width,
                               .capacity = cache.size(1),
                               .position = position,
                               .scale = how.scale};
    const std::int64_t appended = a.batch * a.length * 2 * a.kv_heads * a.width;
    launch(stream_, grid_for(appended, multiprocessors()), append_kernel<T>, a);
    launch(stream_, {a.batch * a.length * a.heads, query_warps * warp_threads}, attend_kernel<T>, a);
  });
}

}  // namespace trireme::cuda
