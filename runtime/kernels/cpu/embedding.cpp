#include <cstring>

#include "runtime/base/error.h"
#include "runtime/kernels/cpu/cpu_class.h"

namespace trireme::cpu {
namespace {

const std::int32_t* checked_ids(const Tensor& ids, std::int64_t count) {
  const std::int32_t* id = ids.data<std::int32_t>();
  for (std::int64_t i = 0; i < ids.numel(); ++i)
    if (id[i] < 0 || id[i] >= count) fail("embedding", "expected ids in [ 0 ,", count, "), found", id[i], "at", i);
  return id;
}

Array row_of(const Tensor& x, std::int64_t row) {
  return {x.raw() + row * columns_of(x) * size_of(x.dtype()), x.dtype()};
}

}  // namespace

void CpuKernels::embedding(Tensor& y, const Tensor& ids, const Tensor& table, const Tensor* positions,
                           std::int64_t first_position) {
  const std::int64_t columns = columns_of(table);
  const std::int32_t* id = checked_ids(ids, table.size(0));
  const auto bytes = static_cast<std::size_t>(columns * size_of(table.dtype()));
  if (bytes == 0) return;
  for_range(ids.numel(), 2 * columns, [&](Range range) {
    for (std::int64_t row = range.begin; row < range.end; ++row) {
      const Array to{y.raw() + row * static_cast<std::int64_t>(bytes), y.dtype()};
      if (positions) {
        const std::int64_t place = (first_position + row) % positions->size(0);
        level_.binary(to, row_of(table, id[row]), row_of(*positions, place), Binary::add, {0, columns});
      } else {
        std::memcpy(to.data, row_of(table, id[row]).data, bytes);
      }
    }
  });
}

// Every row of a gradient belongs to one task, which adds the rows of dy in their order.
void CpuKernels::embedding_grad(Tensor& dtable, Tensor* dpositions, const Tensor& dy, const Tensor& ids,
                                bool accumulate_table, bool accumulate_positions) {
  const std::int64_t columns = columns_of(dtable), entries = dtable.size(0), rows = ids.numel();
  const std::int32_t* id = checked_ids(ids, entries);
  if (columns == 0) return;
  const auto row_of_dy = [&](std::int64_t row) {
    return Array{dy.raw() + row * columns * size_of(dy.dtype()), dy.dtype()};
  };
  const std::int64_t tasks = pool_.threads();
  pool_.run(tasks, [&](std::int64_t task) {
    const std::int64_t begin = entries * task / tasks, end = entries * (task + 1) / tasks;
    float* table = dtable.data<float>();
    if (!accumulate_table) level_.fill({table, DType::f32}, 0.0f, {begin * columns, end * columns});
    for (std::int64_t row = 0; row < rows; ++row)
      if (id[row] >= begin && id[row] < end)
        level_.axpy({table + id[row] * columns, DType::f32}, row_of_dy(row), 1.0f, {0, columns});
  });
  if (!dpositions) return;
  const std::int64_t period = dpositions->size(0);
  for_range(period, columns * (1 + rows / std::max<std::int64_t>(1, period)), [&](Range range) {
    for (std::int64_t place = range.begin; place < range.end; ++place) {
      float* to = dpositions->data<float>() + place * columns;
      if (!accumulate_positions) level_.fill({to, DType::f32}, 0.0f, {0, columns});
      for (std::int64_t row = place; row < rows; row += period)
        level_.axpy({to, DType::f32}, row_of_dy(row), 1.0f, {0, columns});
    }
  });
}

void CpuKernels::embedding_part(Tensor& y, const Tensor& ids, const Tensor& table, std::int64_t first) {
  const std::int64_t columns = columns_of(table), entries = table.size(0);
  const std::int32_t* id = ids.data<std::int32_t>();
  const auto bytes = static_cast<std::size_t>(columns * size_of(table.dtype()));
  if (bytes == 0) return;
  for_range(ids.numel(), 2 * columns, [&](Range range) {
    for (std::int64_t row = range.begin; row < range.end; ++row) {
      std::byte* to = y.raw() + row * static_cast<std::int64_t>(bytes);
      const std::int64_t entry = id[row] - first;
      if (entry >= 0 && entry < entries)
        std::memcpy(to, row_of(table, entry).data, bytes);
      else
        std::memset(to, 0, bytes);
    }
  });
}

void CpuKernels::embedding_part_grad(Tensor& dtable, const Tensor& dy, const Tensor& ids, std::int64_t first,
                                     bool accumulate) {
  const std::int64_t columns = columns_of(dtable), entries = dtable.size(0), rows = ids.numel();
  const std::int32_t* id = ids.data<std::int32_t>();
  if (columns == 0) return;
  const std::int64_t tasks = pool_.threads();
  pool_.run(tasks, [&](std::int64_t task) {
    const std::int64_t begin = entries * task / tasks, end = entries * (task + 1) / tasks;
    float* table = dtable.data<float>();
    if (!accumulate) level_.fill({table, DType::f32}, 0.0f, {begin * columns, end * columns});
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t entry = id[row] - first;
      if (entry >= begin && entry < end)
        level_.axpy({table + entry * columns, DType::f32}, row_of(dy, row), 1.0f, {0, columns});
    }
  });
}

}  // namespace trireme::cpu
