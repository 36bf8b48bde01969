#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/values.h"

namespace trireme::reference {

void ReferenceKernels::embedding(Tensor& y, const Tensor& ids, const Tensor& table, const Tensor* positions,
                                 std::int64_t first_position) {
  const std::int64_t columns = table.size(1);
  const std::vector<std::int32_t> rows = load_ids(ids, table.size(0));
  const Values entries = load(table);
  const Values places = positions == nullptr ? Values() : load(*positions);
  Values result;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      double value = entries[static_cast<std::size_t>(rows[r] * columns + c)];
      if (positions != nullptr) {
        const std::int64_t place = (first_position + static_cast<std::int64_t>(r)) % positions->size(0);
        value += places[static_cast<std::size_t>(place * columns + c)];
      }
      result.push_back(value);
    }
  }
  store(y, result);
}

void ReferenceKernels::embedding_grad(Tensor& dtable, Tensor* dpositions, const Tensor& dy, const Tensor& ids,
                                      bool accumulate_table, bool accumulate_positions) {
  const std::int64_t columns = dtable.size(1);
  const std::vector<std::int32_t> rows = load_ids(ids, dtable.size(0));
  const Values gradient = load(dy);
  Values entries(static_cast<std::size_t>(dtable.numel()));
  Values places(static_cast<std::size_t>(dpositions == nullptr ? 0 : dpositions->numel()));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const double value = gradient[r * static_cast<std::size_t>(columns) + static_cast<std::size_t>(c)];
      entries[static_cast<std::size_t>(rows[r] * columns + c)] += value;
      if (dpositions == nullptr) continue;
      const std::int64_t place = static_cast<std::int64_t>(r) % dpositions->size(0);
      places[static_cast<std::size_t>(place * columns + c)] += value;
    }
  }
  store_gradient(dtable, entries, accumulate_table);
  if (dpositions != nullptr) store_gradient(*dpositions, places, accumulate_positions);
}

void ReferenceKernels::embedding_part(Tensor& y, const Tensor& ids, const Tensor& table, std::int64_t first) {
  const std::int64_t columns = table.size(1), count = table.size(0);
  const Values entries = load(table);
  Values result;
  for (const double id : load(ids)) {
    const std::int64_t row = static_cast<std::int64_t>(id) - first;
    for (std::int64_t c = 0; c < columns; ++c)
      result.push_back(row >= 0 && row < count ? entries[static_cast<std::size_t>(row * columns + c)] : 0);
  }
  store(y, result);
}

void ReferenceKernels::embedding_part_grad(Tensor& dtable, const Tensor& dy, const Tensor& ids, std::int64_t first,
                                           bool accumulate) {
  const std::int64_t columns = dtable.size(1), count = dtable.size(0);
  const Values gradient = load(dy);
  Values entries(static_cast<std::size_t>(dtable.numel()));
  std::size_t next = 0;
  for (const double id : load(ids)) {
    const std::int64_t row = static_cast<std::int64_t>(id) - first;
    for (std::int64_t c = 0; c < columns; ++c, ++next)
      if (row >= 0 && row < count) entries[static_cast<std::size_t>(row * columns + c)] += gradient[next];
  }
  store_gradient(dtable, entries, accumulate);
}

}  // namespace trireme::reference
