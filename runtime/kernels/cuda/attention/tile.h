// Blocks of rows in shared memory, and products of them. A block has 16 x 16 threads; thread (y, x) works on rows
// y, y + 16, ... and columns of its own.
#pragma once

#include <cstdint>
#include <limits>

#include "machine.h"
#include "runtime/kernels/cuda/attention/own.h"
#include "runtime/kernels/cuda/team.h"

namespace trireme::cuda {

inline constexpr int side = 16;
inline constexpr int tile_threads = side * side;

// A row's floats in shared memory: with 4 more than a multiple of 32, the threads of a quarter of a warp, each at a row
// of its own, reach different banks with their 16 bytes.
template <int columns>
inline constexpr int pitch = columns + 4;

__device__ inline int lane_x() {
  return static_cast<int>(threadIdx.x) % side;
}
__device__ inline int lane_y() {
  return static_cast<int>(threadIdx.x) / side;
}

__device__ inline float4 four(const float* from) {
  return *reinterpret_cast<const float4*>(from);
}

// One head of a tensor.
template <class T>
struct HeadRows {
  T* data;
  std::int64_t stride;
  int length, width;
};
template <class T>
__device__ HeadRows<T> head_of(const OwnAttention& task, const Vectors& vectors, std::int64_t batch, int head) {
  return {static_cast<T*>(vectors.data) + batch * vectors.batch_stride + static_cast<std::int64_t>(head) * task.width,
          vectors.row_stride, task.length, task.width};
}

// Rows first ... first + rows - 1 of a head as fp32; zero beyond its rows and beyond its width.
template <int rows, int columns, class T>
__device__ void load_rows(float* to, const HeadRows<T>& from, int first) {
  for (int i = threadIdx.x; i < rows * columns; i += tile_threads) {
    const int row = i / columns, column = i % columns;
    const bool there = first + row < from.length && column < from.width;
    to[row * pitch<columns> + column] = there ? to_float(from.data[(first + row) * from.stride + column]) : 0.0f;
  }
}

// sums[i][j] += row y + 16 i of a times row x + 16 j of b.
template <int columns, int n, int m>
__device__ void add_dots(float (&sums)[n][m], const float* a, const float* b) {
  a += lane_y() * pitch<columns>;
  b += lane_x() * pitch<columns>;
#pragma unroll 1
  for (int c = 0; c < columns; c += 4) {
    float4 left[n];
#pragma unroll
    for (int i = 0; i < n; ++i) left[i] = four(a + i * side * pitch<columns> + c);
#pragma unroll
    for (int j = 0; j < m; ++j) {
      const float4 right = four(b + j * side * pitch<columns> + c);
#pragma unroll
      for (int i = 0; i < n; ++i) {
        sums[i][j] += left[i].x * right.x;
        sums[i][j] += left[i].y * right.y;
        sums[i][j] += left[i].z * right.z;
        sums[i][j] += left[i].w * right.w;
      }
    }
  }
}

// The column of a thread's sum number c in a product that is `columns` wide.
__device__ inline int column_of(int c) {
  return c / 4 * 4 * side + 4 * lane_x() + c % 4;
}

// sums[i][c] += row y + 16 i of `factors` (inner columns) times column column_of(c) of `rows` (inner rows).
template <int inner, int columns, int n>
__device__ void add_products(float (&sums)[n][columns / side], const float* factors, const float* rows) {
  factors += lane_y() * pitch<inner>;
  rows += 4 * lane_x();
#pragma unroll 1
  for (int k = 0; k < inner; k += 4) {
    float4 left[n];
#pragma unroll
    for (int i = 0; i < n; ++i) left[i] = four(factors + i * side * pitch<inner> + k);
#pragma unroll
    for (int g = 0; g < columns / side / 4; ++g) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const float4 right = four(rows + (k + e) * pitch<columns> + g * 4 * side);
#pragma unroll
        for (int i = 0; i < n; ++i) {
          const float factor = e == 0 ? left[i].x : e == 1 ? left[i].y : e == 2 ? left[i].z : left[i].w;
          sums[i][4 * g + 0] += factor * right.x;
          sums[i][4 * g + 1] += factor * right.y;
          sums[i][4 * g + 2] += factor * right.z;
          sums[i][4 * g + 3] += factor * right.w;
        }
      }
    }
  }
}

// Writes rows first + y + 16 i, as add_products() left them.
template <int columns, class T, int n>
__device__ void store_rows(const HeadRows<T>& to, int first, const float (&sums)[n][columns / side]) {
#pragma unroll
  for (int i = 0; i < n; ++i) {
    const int row = first + lane_y() + i * side;
#pragma unroll
    for (int c = 0; c < columns / side; ++c) {
      const int column = column_of(c);
      if (row < to.length && column < to.width) to.data[row * to.stride + column] = rounded<T>(sums[i][c]);
    }
  }
}

// Which probabilities of a block of queries and keys stay: bit k % 16 of word [query][k / 16].
template <int queries, int keys>
struct KeptBits {
  static constexpr int words = keys / side;
  std::uint16_t bits[queries * words];

  // By all threads of a block; the caller synchronises.
  __device__ void draw(const KeptProbabilities& how, RandomKey sequence, std::int64_t head, int first_query,
                       int first_key, int length) {
    for (int i = threadIdx.x; i < queries * words; i += tile_threads) {
      const std::int64_t query = first_query + i / words, key = first_key + i % words * side;
      const auto element =
          static_cast<std::uint64_t>(how.first + how.runs.number((head * length + query) * length + key));
      unsigned found = 0;
      PhiloxBlock block{};
      for (int k = 0; k < side; ++k) {
        if (k == 0 || (element + k) % 4 == 0) block = philox(sequence, (element + k) / 4);
        const auto at = (element + k) % 4;  // an index known to the compiler keeps the block in registers
        const std::uint32_t word = at == 0 ? block[0] : at == 1 ? block[1] : at == 2 ? block[2] : block[3];
        if (unit_float(word) >= how.probability) found |= 1u << k;
      }
      bits[i] = static_cast<std::uint16_t>(found);
    }
  }
  __device__ bool stays(int query, int key) const { return bits[query * words + key / side] >> key % side & 1; }
};

// What dropout does in this step.
struct Dropping {
  bool on;
  RandomKey sequence;
  float share;  // what stays is multiplied with this

  __device__ explicit Dropping(const KeptProbabilities& how)
      : on(how.probability > 0.0f),
        sequence(at_step(how.place, on && how.state ? how.state->step : how.step)),
        share(1.0f / (1.0f - how.probability)) {}
  template <class Bits>
  __device__ float factor(const Bits& kept, int query, int key) const {
    if (!on) return 1.0f;
    return kept.stays(query, key) ? share : 0.0f;
  }
};

// The task of a block: some rows of one head. The blocks of a head have consecutive numbers.
struct Block {
  std::int64_t batch;
  int head, begin;

  __device__ Block(int heads, int length, int rows) {
    const unsigned tiles = static_cast<unsigned>((length + rows - 1) / rows), all_heads = blockIdx.x / tiles;
    batch = all_heads / static_cast<unsigned>(heads);
    head = static_cast<int>(all_heads % static_cast<unsigned>(heads));
    begin = static_cast<int>(blockIdx.x % tiles) * rows;
  }
};

// Keys that a query of this block may see lie before this one.
__device__ inline int seen_before(const OwnAttention& task, int begin, int rows) {
  return task.causal && begin + rows < task.length ? begin + rows : task.length;
}
__device__ inline bool sees(const OwnAttention& task, int query, int key) {
  return query < task.length && key < task.length && (!task.causal || key <= query);
}

struct Larger {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

}  // namespace trireme::cuda
