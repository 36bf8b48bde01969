#include <limits>

#include "runtime/kernels/cuda/arguments.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/pack.h"
#include "runtime/kernels/cuda/sorted_rows.h"
#include "runtime/kernels/cuda/team.h"

namespace trireme::cuda {
namespace {

template <class T>
struct Lookup {
  T* y;
  const std::int32_t* ids;
  const T* table;
  const T* positions;  // may be null
  std::int64_t rows, columns, entries;
  std::int64_t first_position, period;
  std::int64_t first;  // id of the table's first row
  float elsewhere;     // what ids give that are not in the table
};

// A row of y per warp.
template <class T, int width>
__global__ void __launch_bounds__(Team<1>::threads) embedding_kernel(Lookup<T> e) {
  using Rows = Team<1>;
  for (std::int64_t row = Rows::first_row(); row < e.rows; row += Rows::row_stride()) {
    const std::int64_t id = std::int64_t{e.ids[row]} - e.first;
    const bool known = id >= 0 && id < e.entries;
    const T* entry = e.table + (known ? id : 0) * e.columns;
    const T* place = e.positions ? e.positions + (e.first_position + row) % e.period * e.columns : nullptr;
    for (std::int64_t c = Rows::rank() * width; c < e.columns; c += Rows::size * width) {
      float values[width], shift[width];
      load(values, entry + c);
      if (place) {
        load(shift, place + c);
        for (int i = 0; i < width; ++i) values[i] += shift[i];
      }
      for (int i = 0; i < width && !known; ++i) values[i] = e.elsewhere;
      store(e.y + row * e.columns + c, values);
    }
  }
}

// Where the keys with the id of sorted[begin] end.
__device__ std::int64_t end_of_run(const std::uint64_t* sorted, std::int64_t rows, std::int64_t begin) {
  const std::uint32_t id = id_of(sorted[begin]);
  if (begin + 1 == rows || id_of(sorted[begin + 1]) != id) return begin + 1;
  return begin + 1 + keys_below(sorted + begin + 1, rows - begin - 1, key_of(static_cast<std::int32_t>(id + 1), 0));
}

// dtable[id - first] += the rows of dy with that id, in their order: a warp for each of the sorted rows that begins a
// run of equal ids, and for each tile of columns.
template <class T, int width>
__global__ void __launch_bounds__(Team<1>::threads)
    add_runs_kernel(float* dtable, const T* dy, const std::uint64_t* sorted, std::int64_t rows, std::int64_t columns,
                    std::int64_t first, std::int64_t entries) {
  const std::int64_t column = (static_cast<std::int64_t>(blockIdx.y) * warp_threads + Team<1>::rank()) * width;
  if (column >= columns) return;
  for (std::int64_t begin = Team<1>::first_row(); begin < rows; begin += Team<1>::row_stride()) {
    const std::uint32_t id = id_of(sorted[begin]);
    const std::int64_t entry = std::int64_t{id} - first;
    if (entry < 0 || entry >= entries || (begin > 0 && id_of(sorted[begin - 1]) == id)) continue;
    float* to = dtable + entry * columns + column;
    float total[width], values[width];
    load(total, to);
    const std::int64_t end = end_of_run(sorted, rows, begin);
#pragma unroll 8  // many rows on their way at once
    for (std::int64_t at = begin; at < end; ++at) {
      load(values, dy + row_of(sorted[at]) * columns + column);
      for (int i = 0; i < width; ++i) total[i] += values[i];
    }
    store(to, total);
  }
}

// dpositions[p] (+)= the rows p, p + period, ... of dy.
template <class T, int width>
__global__ void __launch_bounds__(Team<1>::threads)
    add_positions_kernel(float* dpositions, const T* dy, std::int64_t rows, std::int64_t columns, std::int64_t period,
                         bool accumulate) {
  using Rows = Team<1>;
  const std::int64_t column = (static_cast<std::int64_t>(blockIdx.y) * warp_threads + Rows::rank()) * width;
  if (column >= columns) return;
  for (std::int64_t place = Rows::first_row(); place < period; place += Rows::row_stride()) {
    float* to = dpositions + place * columns + column;
    float total[width], values[width];
    for (int i = 0; i < width; ++i) total[i] = 0.0f;
    if (accumulate) load(total, to);
#pragma unroll 8
    for (std::int64_t row = place; row < rows; row += period) {
      load(values, dy + row * columns + column);
      for (int i = 0; i < width; ++i) total[i] += values[i];
    }
    store(to, total);
  }
}

Grid tiled(std::int64_t rows, std::int64_t columns, std::int64_t width, int multiprocessors) {
  Grid grid = Team<1>::grid(rows, multiprocessors, 64);
  grid.blocks_y = (columns + warp_threads * width - 1) / (warp_threads * width);
  return grid;
}

template <class T>
void look_up(cudaStream_t stream, int multiprocessors, const Lookup<T>& lookup) {
  constexpr int width = widest<T>;
  const bool aligned =
      rows_aligned(lookup.columns, width, {place_of(lookup.y), place_of(lookup.table), place_of(lookup.positions)});
  launch(stream, Team<1>::grid(lookup.rows, multiprocessors),
         aligned ? embedding_kernel<T, width> : embedding_kernel<T, 1>, lookup);
}

// dtable, whose first row is that of the id `first`, takes the rows of dy.
template <class T>
void add_runs(CudaDevice& device, cudaStream_t stream, int multiprocessors, Tensor& dtable, const Tensor& dy,
              const Tensor& ids, std::int64_t first) {
  constexpr int width = widest<T>;
  const std::int64_t rows = ids.numel(), columns = columns_of(dtable);
  const bool aligned = rows_aligned(columns, width, {place_of(dy.data<T>())}) &&
                       rows_aligned(columns, widest<float>, {place_of(dtable.data<float>())});
  const Scratch sorted = sorted_rows(device, ids);
  launch(stream, tiled(rows, columns, aligned ? width : 1, multiprocessors),
         aligned ? add_runs_kernel<T, width> : add_runs_kernel<T, 1>, dtable.data<float>(), dy.data<T>(),
         sorted.as<std::uint64_t>(), rows, columns, first, dtable.size(0));
}

}  // namespace

void CudaKernels::embedding(Tensor& y, const Tensor& ids, const Tensor& table, const Tensor* positions,
                            std::int64_t first_position) {
  if (y.numel() == 0) return;
  visit_compute_type("embedding", table.dtype(), [&]<class T>(T) {
    const Lookup<T> lookup{.y = y.data<T>(),
                           .ids = ids.data<std::int32_t>(),
                           .table = table.data<T>(),
                           .positions = data_of<T>(positions),
                           .rows = ids.numel(),
                           .columns = columns_of(table),
                           .entries = table.size(0),
                           .first_position = first_position,
                           .period = positions ? positions->size(0) : 1,
                           .first = 0,
                           .elsewhere = std::numeric_limits<float>::quiet_NaN()};
    look_up(stream_, multiprocessors(), lookup);
  });
}

void CudaKernels::embedding_part(Tensor& y, const Tensor& ids, const Tensor& table, std::int64_t first) {
  if (y.numel() == 0) return;
  visit_compute_type("embedding_part", table.dtype(), [&]<class T>(T) {
    look_up(stream_, multiprocessors(),
            Lookup<T>{.y = y.data<T>(),
                      .ids = ids.data<std::int32_t>(),
                      .table = table.data<T>(),
                      .positions = nullptr,
                      .rows = ids.numel(),
                      .columns = columns_of(table),
                      .entries = table.size(0),
                      .first_position = 0,
                      .period = 1,
                      .first = first,
                      .elsewhere = 0.0f});
  });
}

void CudaKernels::embedding_grad(Tensor& dtable, Tensor* dpositions, const Tensor& dy, const Tensor& ids,
                                 bool accumulate_table, bool accumulate_positions) {
  const std::int64_t rows = ids.numel(), columns = columns_of(dtable);
  if (columns == 0) return;
  if (!accumulate_table)
    check(cudaMemsetAsync(dtable.raw(), 0, static_cast<std::size_t>(dtable.bytes()), stream_), "cudaMemsetAsync");
  visit_compute_type("embedding_grad", dy.dtype(), [&]<class T>(T) {
    constexpr int width = widest<T>;
    const bool dy_aligned = rows_aligned(columns, width, {place_of(dy.data<T>())});
    const auto all_aligned = [&](const Tensor& gradient) {
      return dy_aligned && rows_aligned(columns, widest<float>, {place_of(gradient.data<float>())});
    };
    if (rows > 0) add_runs<T>(device_, stream_, multiprocessors(), dtable, dy, ids, 0);
    if (dpositions && dpositions->numel() > 0) {
      const bool aligned = all_aligned(*dpositions);
      launch(stream_, tiled(dpositions->size(0), columns, aligned ? width : 1, multiprocessors()),
             aligned ? add_positions_kernel<T, width> : add_positions_kernel<T, 1>, dpositions->data<float>(),
             dy.data<T>(), rows, columns, dpositions->size(0), accumulate_positions);
    }
  });
}

void CudaKernels::embedding_part_grad(Tensor& dtable, const Tensor& dy, const Tensor& ids, std::int64_t first,
                                      bool accumulate) {
  if (dtable.numel() == 0) return;
  if (!accumulate)
    check(cudaMemsetAsync(dtable.raw(), 0, static_cast<std::size_t>(dtable.bytes()), stream_), "cudaMemsetAsync");
  if (ids.numel() == 0) return;
  visit_compute_type("embedding_part_grad", dy.dtype(),
                     [&]<class T>(T) { add_runs<T>(device_, stream_, multiprocessors(), dtable, dy, ids, first); });
}

}  // namespace trireme::cuda
