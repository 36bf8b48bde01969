// The backward pass of attention: with P the probabilities, M what dropout multiplies them with, and
// delta_i = sum_d do_id o_id,
//   dv_j = sum_i M_ij P_ij do_i,  dS_ij = scale P_ij (M_ij do_i . v_j - delta_i),  dq_i = sum_j dS_ij k_j,
//   dk_j = sum_i dS_ij q_i.
// One kernel takes delta, one goes over the keys, one over the queries; each computes P anew from lse.
#include "runtime/kernels/cuda/attention/launch.h"
#include "runtime/kernels/cuda/attention/tile.h"

namespace trireme::cuda {
namespace {

// A warp per query and head.
template <class T>
__global__ void __launch_bounds__(tile_threads) delta_kernel(const OwnAttention task) {
  const std::int64_t warp = (static_cast<std::int64_t>(blockIdx.x) * tile_threads + threadIdx.x) / warp_threads;
  const std::int64_t all_heads = warp / task.length, query = warp % task.length;
  if (all_heads >= task.batch * task.heads) return;
  const std::int64_t batch = all_heads / task.heads;
  const int head = static_cast<int>(all_heads % task.heads), lane = static_cast<int>(threadIdx.x) % warp_threads;
  const HeadRows<T> out = head_of<T>(task, task.out, batch, head), dout = head_of<T>(task, task.dout, batch, head);
  float sum = 0.0f;
  for (int i = lane; i < task.width; i += warp_threads)
    sum += to_float(out.data[query * out.stride + i]) * to_float(dout.data[query * dout.stride + i]);
  sum = over_warp(sum, Add{});
  if (lane == 0) task.delta[warp] = sum;
}

// Shared memory of a block: two tiles that stay, two that pass, one of probabilities or their gradients.
template <int rows, int columns>
struct BackwardTiles {
  float stay[2][rows * pitch<columns>];
  float pass[2][rows * pitch<columns>];
  float scores[rows * pitch<rows>];
  float lse[rows], delta[rows];  // of the block of queries, whether it stays or passes
  KeptBits<rows, rows> kept;

  // By all threads of a block; the caller synchronises. `head` counts through all sequences.
  __device__ void load_sums(const OwnAttention& task, std::int64_t head, int first_query) {
    for (int i = threadIdx.x; i < rows; i += tile_threads) {
      const bool there = first_query + i < task.length;
      lse[i] = there ? task.lse[head * task.length + first_query + i] : 0.0f;
      delta[i] = there ? task.delta[head * task.length + first_query + i] : 0.0f;
    }
  }
};

// The gradient of a score, and the probability as dropout leaves it; zero where the query does not see the key.
struct Slopes {
  float score, probability;
};
template <int rows, int columns>
__device__ Slopes slopes_of(const OwnAttention& task, const BackwardTiles<rows, columns>& tiles,
                            const Dropping& dropping, int query, int key, bool seen, float score, float dprobability) {
  const float factor = dropping.factor(tiles.kept, query, key);
  const float p = seen ? expf(score * task.scale - tiles.lse[query]) : 0.0f;
  return {task.scale * p * (factor * dprobability - tiles.delta[query]), factor * p};
}

// Writes a thread's numbers to the block's square tile.
template <int rows, int n>
__device__ void share(float* to, const float (&numbers)[n][n]) {
#pragma unroll
  for (int i = 0; i < n; ++i)
#pragma unroll
    for (int j = 0; j < n; ++j) to[(lane_y() + i * side) * pitch<rows> + lane_x() + j * side] = numbers[i][j];
}

// The gradients of a block of keys and values from one block of queries and what is summed over them. Numbers of pairs
// are [key][query].
template <int rows, int columns, int n, int c>
__device__ void add_to_keys(float (&dkey)[n][c], float (&dvalue)[n][c], const OwnAttention& task,
                            BackwardTiles<rows, columns>& tiles, const Dropping& dropping, int first_key,
                            int first_query) {
  float scores[n][n] = {}, slopes[n][n] = {};
  add_dots<columns>(scores, tiles.stay[0], tiles.pass[0]);
  add_dots<columns>(slopes, tiles.stay[1], tiles.pass[1]);
#pragma unroll
  for (int i = 0; i < n; ++i) {
    const int key = lane_y() + i * side;
#pragma unroll
    for (int j = 0; j < n; ++j) {
      const int query = lane_x() + j * side;
      const Slopes found = slopes_of(task, tiles, dropping, query, key,
                                     sees(task, first_query + query, first_key + key), scores[i][j], slopes[i][j]);
      scores[i][j] = found.probability;
      slopes[i][j] = found.score;
    }
  }
  share<rows>(tiles.scores, scores);
  __syncthreads();
  add_products<rows, columns>(dvalue, tiles.scores, tiles.pass[1]);
  __syncthreads();
  share<rows>(tiles.scores, slopes);
  __syncthreads();
  add_products<rows, columns>(dkey, tiles.scores, tiles.pass[0]);
}

// Gradients of a block of keys and values, from all the query heads that read them.
template <class T, int rows, int columns>
__global__ void __launch_bounds__(tile_threads, 2) keys_kernel(const OwnAttention task) {
  auto& tiles = shared_memory<BackwardTiles<rows, columns>>();
  const Block at(task.kv_heads, task.length, rows);
  const int group = task.heads / task.kv_heads;
  const Dropping dropping(task.kept);
  float dkey[rows / side][columns / side] = {}, dvalue[rows / side][columns / side] = {};

  load_rows<rows, columns>(tiles.stay[0], head_of<T>(task, task.key, at.batch, at.head), at.begin);
  load_rows<rows, columns>(tiles.stay[1], head_of<T>(task, task.value, at.batch, at.head), at.begin);
  const int from = task.causal ? at.begin : 0;  // queries before see none of these keys
  for (int h = at.head * group; h < (at.head + 1) * group; ++h) {
    const std::int64_t head = at.batch * task.heads + h;
    for (int start = from; start < task.length; start += rows) {
      __syncthreads();  // the tiles of the step before have been read
      load_rows<rows, columns>(tiles.pass[0], head_of<T>(task, task.query, at.batch, h), start);
      load_rows<rows, columns>(tiles.pass[1], head_of<T>(task, task.dout, at.batch, h), start);
      tiles.load_sums(task, head, start);
      if (dropping.on) tiles.kept.draw(task.kept, dropping.sequence, head, start, at.begin, task.length);
      __syncthreads();
      add_to_keys(dkey, dvalue, task, tiles, dropping, at.begin, start);
    }
  }
  store_rows<columns>(head_of<T>(task, task.dkey, at.batch, at.head), at.begin, dkey);
  store_rows<columns>(head_of<T>(task, task.dvalue, at.batch, at.head), at.begin, dvalue);
}

// Gradients of a block of queries.
template <class T, int rows, int columns>
__global__ void __launch_bounds__(tile_threads, 2) queries_kernel(const OwnAttention task) {
  constexpr int n = rows / side;
  auto& tiles = shared_memory<BackwardTiles<rows, columns>>();
  const Block at(task.heads, task.length, rows);
  const int kv = at.head / (task.heads / task.kv_heads);
  const std::int64_t head = at.batch * task.heads + at.head;
  const Dropping dropping(task.kept);
  float dquery[n][columns / side] = {};

  load_rows<rows, columns>(tiles.stay[0], head_of<T>(task, task.query, at.batch, at.head), at.begin);
  load_rows<rows, columns>(tiles.stay[1], head_of<T>(task, task.dout, at.batch, at.head), at.begin);
  tiles.load_sums(task, head, at.begin);
  const int end = seen_before(task, at.begin, rows);
  for (int start = 0; start < end; start += rows) {
    __syncthreads();  // the tiles of the step before have been read
    load_rows<rows, columns>(tiles.pass[0], head_of<T>(task, task.key, at.batch, kv), start);
    load_rows<rows, columns>(tiles.pass[1], head_of<T>(task, task.value, at.batch, kv), start);
    if (dropping.on) tiles.kept.draw(task.kept, dropping.sequence, head, at.begin, start, task.length);
    __syncthreads();
    float scores[n][n] = {}, slopes[n][n] = {};  // [query][key]
    add_dots<columns>(scores, tiles.stay[0], tiles.pass[0]);
    add_dots<columns>(slopes, tiles.stay[1], tiles.pass[1]);
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const int query = lane_y() + i * side;
#pragma unroll
      for (int j = 0; j < n; ++j) {
        const int key = lane_x() + j * side;
        slopes[i][j] = slopes_of(task, tiles, dropping, query, key, sees(task, at.begin + query, start + key),
                                 scores[i][j], slopes[i][j])
                           .score;
      }
    }
    share<rows>(tiles.scores, slopes);
    __syncthreads();
    add_products<rows, columns>(dquery, tiles.scores, tiles.pass[0]);
  }
  store_rows<columns>(head_of<T>(task, task.dquery, at.batch, at.head), at.begin, dquery);
}

}  // namespace

void own_attention_grad(cudaStream_t stream, const OwnAttention& task) {
  visit_attention(task, [&]<class T, int columns>(Columns<T, columns>) {
    constexpr int rows = columns == 64 ? 64 : columns == 128 ? 32 : 16;
    using Tiles = BackwardTiles<rows, columns>;
    const std::int64_t tiles = (task.length + rows - 1) / rows, queries = task.batch * task.heads * task.length;
    constexpr std::int64_t warps = tile_threads / warp_threads;
    launch(stream, {(queries + warps - 1) / warps, tile_threads}, delta_kernel<T>, task);
    launch_with_memory<Tiles>(stream, {task.batch * task.kv_heads * tiles, tile_threads}, keys_kernel<T, rows, columns>,
                              task);
    launch_with_memory<Tiles>(stream, {task.batch * task.heads * tiles, tile_threads}, queries_kernel<T, rows, columns>,
                              task);
  });
}

}  // namespace trireme::cuda
