// Tables of numbers and words: what is known of a row, and what is to be told from it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/data/source.h"

namespace trireme::data {

struct TableOptions {
  std::vector<std::string> paths;  // CSV files of the same columns, plain or gzipped; folders stand for their *.csv
  char separator = ',';
  bool header = true;                    // the first line of each file names the columns; otherwise they are 1, 2, ...
  std::string target;                    // the column that is to be told
  bool classes = true;                   // it holds classes; otherwise numbers
  std::vector<std::string> one_hot{};    // columns of words: a feature for each different word, 1 where it stands
  std::vector<std::string> leave_out{};  // columns that are not looked at
  bool skip_bad = false;                 // leave out rows in which something is wrong, and count them
  std::int64_t max_bytes = std::int64_t{4} << 30;
};

struct Table {
  std::vector<std::string> names;        // of the features: "age", "colour=red"
  std::vector<bool> numbers;             // by feature: a number, not a word that stands or does not
  std::vector<float> values;             // (rows, features)
  std::vector<std::int32_t> labels;      // of the rows, where the target is a class
  std::vector<std::string> class_names;  // sorted: as numbers where all are, otherwise by bytes
  std::vector<float> targets;            // of the rows, where it is a number
  std::vector<std::string> skipped;      // what was wrong with rows that were left out

  std::int64_t features() const { return std::ssize(names); }
  std::int64_t rows() const { return std::ssize(values) / features(); }
};

// A text where a number should be, a row with too many or too few values, a missing column: an Error with file and
// line.
Table read_table(const TableOptions& options);

// (value - mean) / deviation for the features that are numbers, both from the rows `chosen`.
void standardise(Table& table, std::span<const std::int64_t> chosen);

// "features" (F) f32, and "labels" () i32 or "targets" (1) f32.
class TableSource : public Source {
 public:
  explicit TableSource(std::shared_ptr<const Table> table);

  std::span<const Field> fields() const override { return fields_; }
  std::int64_t samples() const override { return table_->rows(); }
  void read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const override;

 private:
  std::shared_ptr<const Table> table_;
  std::vector<Field> fields_;
};

}  // namespace trireme::data
