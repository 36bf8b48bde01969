#include "runtime/kernels/cuda/attention/launch.h"
#include "runtime/kernels/cuda/attention/tile.h"

namespace trireme::cuda {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// Shared memory of a block of `rows` queries, which goes over blocks of as many keys.
template <int rows, int columns>
struct ForwardTiles {
  float query[rows * pitch<columns>];
  float passing[rows * pitch<columns>];  // keys, then values
  float probabilities[rows * pitch<rows>];
  KeptBits<rows, rows> kept;
};

// The softmax of a thread's rows over the keys so far (Milakov & Gimelshein 2018).
template <int n>
struct RunningSoftmax {
  float largest[n], total[n];

  __device__ RunningSoftmax() {
#pragma unroll
    for (int i = 0; i < n; ++i) largest[i] = -infinity, total[i] = 0.0f;
  }

  // Turns more scores into their powers over the new maximum, and rescales what was summed before.
  template <int m, int c>
  __device__ void add(float (&scores)[n][m], float (&sums)[n][c]) {
#pragma unroll
    for (int i = 0; i < n; ++i) {
      float peak = largest[i];
#pragma unroll
      for (int j = 0; j < m; ++j) peak = fmaxf(peak, scores[i][j]);
      peak = over_warp(peak, Larger{}, side);
      const float base = peak == -infinity ? 0.0f : peak;  // a row that sees nothing
      float sum = 0.0f;
#pragma unroll
      for (int j = 0; j < m; ++j) {
        scores[i][j] = expf(scores[i][j] - base);
        sum += scores[i][j];
      }
      const float before = expf(largest[i] - base);
      total[i] = total[i] * before + over_warp(sum, Add{}, side);
      largest[i] = peak;
#pragma unroll
      for (int k = 0; k < c; ++k) sums[i][k] *= before;
    }
  }
};

// The scores of this thread's queries and keys; minus infinity where a query does not see a key.
template <int rows, int columns, int n>
__device__ void find_scores(float (&scores)[n][n], const OwnAttention& task, const ForwardTiles<rows, columns>& tiles,
                            int first_query, int first_key) {
  add_dots<columns>(scores, tiles.query, tiles.passing);
#pragma unroll
  for (int i = 0; i < n; ++i)
#pragma unroll
    for (int j = 0; j < n; ++j)
      scores[i][j] = sees(task, first_query + lane_y() + i * side, first_key + lane_x() + j * side)
                         ? scores[i][j] * task.scale
                         : -infinity;
}

// Puts the probabilities, as dropout leaves them, where every thread can read them.
template <int rows, int columns, int n>
__device__ void share_probabilities(ForwardTiles<rows, columns>& tiles, const float (&powers)[n][n],
                                    const Dropping& dropping) {
#pragma unroll
  for (int i = 0; i < n; ++i) {
    const int row = lane_y() + i * side;
#pragma unroll
    for (int j = 0; j < n; ++j) {
      const int column = lane_x() + j * side;
      tiles.probabilities[row * pitch<rows> + column] = powers[i][j] * dropping.factor(tiles.kept, row, column);
    }
  }
}

template <class T, int rows, int columns>
__global__ void __launch_bounds__(tile_threads, columns == 64 ? 2 : 1) forward_kernel(const OwnAttention task) {
  constexpr int n = rows / side;
  auto& tiles = shared_memory<ForwardTiles<rows, columns>>();
  const Block at(task.heads, task.length, rows);
  const std::int64_t head = at.batch * task.heads + at.head;
  const int kv = at.head / (task.heads / task.kv_heads);
  const HeadRows<T> keys = head_of<T>(task, task.key, at.batch, kv),
                    values = head_of<T>(task, task.value, at.batch, kv);
  const Dropping dropping(task.kept);
  RunningSoftmax<n> softmax;
  float sums[n][columns / side] = {};

  load_rows<rows, columns>(tiles.query, head_of<T>(task, task.query, at.batch, at.head), at.begin);
  const int end = seen_before(task, at.begin, rows);
  for (int start = 0; start < end; start += rows) {
    __syncthreads();  // the tiles of the step before have been read
    load_rows<rows, columns>(tiles.passing, keys, start);
    if (dropping.on) tiles.kept.draw(task.kept, dropping.sequence, head, at.begin, start, task.length);
    __syncthreads();
    float scores[n][n] = {};
    find_scores(scores, task, tiles, at.begin, start);
    softmax.add(scores, sums);
    share_probabilities(tiles, scores, dropping);
    __syncthreads();  // the keys have been read, the probabilities written
    load_rows<rows, columns>(tiles.passing, values, start);
    __syncthreads();
    add_products<rows, columns>(sums, tiles.probabilities, tiles.passing);
  }
#pragma unroll
  for (int i = 0; i < n; ++i) {
    const int row = at.begin + lane_y() + i * side;
    const float share = 1.0f / softmax.total[i];
#pragma unroll
    for (int c = 0; c < columns / side; ++c) sums[i][c] *= share;
    if (lane_x() == 0 && row < task.length)
      task.lse[head * task.length + row] = softmax.largest[i] + logf(softmax.total[i]);
  }
  store_rows<columns>(head_of<T>(task, task.out, at.batch, at.head), at.begin, sums);
}

}  // namespace

void own_attention(cudaStream_t stream, const OwnAttention& task) {
  visit_attention(task, [&]<class T, int columns>(Columns<T, columns>) {
    constexpr int rows = columns == 256 ? 32 : 64;
    const std::int64_t blocks = task.batch * task.heads * ((task.length + rows - 1) / rows);
    launch_with_memory<ForwardTiles<rows, columns>>(stream, {blocks, tile_threads}, forward_kernel<T, rows, columns>,
                                                    task);
  });
}

}  // namespace trireme::cuda
