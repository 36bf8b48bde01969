#include "parallel/training/records.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "parallel/together/gather_text.h"

namespace trireme::parallel {

void SampleRecords::add(std::int64_t first, std::span<const double> records) {
  require(width_ > 0 && std::ssize(records) % width_ == 0, "evaluate", "expected records of", width_, "numbers, found",
          records.size());
  for (std::int64_t i = 0; i < std::ssize(records) / width_; ++i) {
    rows_.push_back(static_cast<double>(first + i));
    const auto record = records.subspan(static_cast<std::size_t>(i * width_), static_cast<std::size_t>(width_));
    rows_.insert(rows_.end(), record.begin(), record.end());
  }
}

std::vector<double> SampleRecords::of_all_ranks(Device& device, const Axis& pipeline, const Axis& data) const {
  std::string all(reinterpret_cast<const char*>(rows_.data()), rows_.size() * sizeof(double));
  for (const Axis* axis : {&pipeline, &data}) {
    if (axis->size() == 1) continue;
    const std::vector<std::string> texts = gather_text(all, device, axis->compute(), device.compute());
    all.clear();
    for (const std::string& text : texts) all += text;
  }
  std::vector<double> rows(all.size() / sizeof(double));
  if (!rows.empty()) std::memcpy(rows.data(), all.data(), all.size());

  const auto step = static_cast<std::size_t>(width_ + 1);
  std::vector<const double*> order;
  for (std::size_t at = 0; at < rows.size(); at += step) order.push_back(rows.data() + at);
  std::sort(order.begin(), order.end(), [](const double* a, const double* b) { return *a < *b; });
  std::vector<double> records;
  records.reserve(order.size() * static_cast<std::size_t>(width_));
  for (const double* row : order) records.insert(records.end(), row + 1, row + step);
  return records;
}

}  // namespace trireme::parallel
