#include "runtime/data/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/data/csv.h"
#include "runtime/data/file_list.h"
#include "runtime/data/inflate.h"

namespace trireme::data {
namespace {

constexpr const char* where = "data";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<double> number_in(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

// A row as it stands in its file.
struct Row {
  std::string place;  // "a.csv: line 7"
  std::vector<std::string> values;
};

enum class Use : std::uint8_t { number, word, target, none };

struct Columns {
  std::vector<std::string> names;
  std::vector<Use> uses;
  std::size_t target = 0;
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::size_t find(const Columns& columns, const std::string& name, const std::string& path) {
  const auto found = std::find(columns.names.begin(), columns.names.end(), name);
  if (found == columns.names.end()) fail(where, path + ": expected a column", name + ", found", joined(columns.names));
  return static_cast<std::size_t>(found - columns.names.begin());
}

Columns columns_of(std::vector<std::string> names, const TableOptions& options, const std::string& path) {
  Columns columns{.names = std::move(names), .uses = {}};
  for (std::string& name : columns.names) name = trimmed(name);
  columns.uses.assign(columns.names.size(), Use::number);
  for (const std::string& name : options.one_hot) columns.uses[find(columns, name, path)] = Use::word;
  for (const std::string& name : options.leave_out) columns.uses[find(columns, name, path)] = Use::none;
  columns.target = find(columns, options.target, path);
  columns.uses[columns.target] = Use::target;
  return columns;
}

// What is wrong with a row; empty: nothing.
std::string complaint(const Row& row, const Columns& columns, const TableOptions& options) {
  if (row.values.size() != columns.names.size())
    return row.place + ": expected " + std::to_string(columns.names.size()) + " values, found " +
           std::to_string(row.values.size());
  for (std::size_t c = 0; c < row.values.size(); ++c) {
    const bool number = columns.uses[c] == Use::number || (columns.uses[c] == Use::target && !options.classes);
    if (number && !number_in(row.values[c]))
      return row.place + ", column " + columns.names[c] + ": expected a number, found \"" +
             row.values[c].substr(0, 40) + "\" - list a column of words in one_hot or leave_out";
    if (columns.uses[c] == Use::target && trimmed(row.values[c]).empty())
      return row.place + ", column " + columns.names[c] + ": expected a class, found nothing";
  }
  return {};
}

struct Read {
  Columns columns;
  std::vector<Row> rows;
  std::vector<std::string> skipped;
};

void read_file(const std::string& path, const TableOptions& options, Read& read) {
  const std::string text = read_maybe_gzip(where, path, options.max_bytes);
  CsvReader reader(text, options.separator, path);
  bool first = true;
  while (std::optional<CsvRecord> record = reader.next()) {
    if (std::exchange(first, false)) {
      std::vector<std::string> names = record->values;
      if (!options.header)
        for (std::size_t c = 0; c < names.size(); ++c) names[c] = std::to_string(c + 1);
      Columns columns = columns_of(std::move(names), options, path);
      if (!read.columns.names.empty() && columns.names != read.columns.names)
        fail(where, path + ": expected the columns of the files before it,", joined(read.columns.names) + ", found",
             joined(columns.names));
      read.columns = std::move(columns);
      if (options.header) continue;
    }
    Row row{path + ": line " + std::to_string(record->line), std::move(record->values)};
    std::string wrong = complaint(row, read.columns, options);
    if (wrong.empty())
      read.rows.push_back(std::move(row));
    else if (options.skip_bad)
      read.skipped.push_back(std::move(wrong));
    else
      fail(where, wrong);
  }
}

// The different values of a column, sorted: as numbers where all are.
std::vector<std::string> different(const std::vector<Row>& rows, std::size_t column) {
  std::set<std::string> all;
  for (const Row& row : rows) all.emplace(trimmed(row.values[column]));
  std::vector<std::string> sorted(all.begin(), all.end());
  if (std::all_of(sorted.begin(), sorted.end(), [](const std::string& word) { return number_in(word).has_value(); }))
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const std::string& a, const std::string& b) { return *number_in(a) < *number_in(b); });
  return sorted;
}

std::size_t place_in(const std::vector<std::string>& sorted, std::string_view word) {
  return static_cast<std::size_t>(std::find(sorted.begin(), sorted.end(), word) - sorted.begin());
}

void add_targets(const Read& read, const TableOptions& options, Table& table) {
  if (options.classes) table.class_names = different(read.rows, read.columns.target);
  std::map<std::string, std::int32_t, std::less<>> numbers;
  for (std::size_t c = 0; c < table.class_names.size(); ++c)
    numbers[table.class_names[c]] = static_cast<std::int32_t>(c);
  for (const Row& row : read.rows) {
    const std::string_view value = trimmed(row.values[read.columns.target]);
    if (options.classes)
      table.labels.push_back(numbers.find(value)->second);
    else
      table.targets.push_back(static_cast<float>(*number_in(value)));
  }
}

}  // namespace

Table read_table(const TableOptions& options) {
  Read read;
  for (const ListedFile& file : list_files(where, options.paths, {.include = {"*.csv", "*.csv.gz"}}))
    read_file(file.path, options, read);
  if (read.rows.empty())
    fail(where, joined(options.paths) + ": no row is left",
         read.skipped.empty() ? std::string() : "; the first that was left out: " + read.skipped.front());
  Table table;
  std::vector<std::vector<std::string>> words(read.columns.names.size());
  for (std::size_t c = 0; c < read.columns.names.size(); ++c) {
    const std::string& name = read.columns.names[c];
    if (read.columns.uses[c] == Use::number) table.names.push_back(name);
    if (read.columns.uses[c] != Use::word) continue;
    words[c] = different(read.rows, c);
    for (const std::string& word : words[c]) table.names.push_back(name + "=" + word);
  }
  require(!table.names.empty(), where, joined(options.paths) + ": no column is left to tell anything from");
  for (std::size_t c = 0; c < read.columns.names.size(); ++c) {
    if (read.columns.uses[c] == Use::number) table.numbers.push_back(true);
    table.numbers.insert(table.numbers.end(), words[c].size(), false);
  }
  for (const Row& row : read.rows)
    for (std::size_t c = 0; c < row.values.size(); ++c) {
      if (read.columns.uses[c] == Use::number) table.values.push_back(static_cast<float>(*number_in(row.values[c])));
      if (read.columns.uses[c] != Use::word) continue;
      const std::size_t place = place_in(words[c], trimmed(row.values[c]));
      for (std::size_t w = 0; w < words[c].size(); ++w) table.values.push_back(w == place ? 1.0f : 0.0f);
    }
  add_targets(read, options, table);
  table.skipped = std::move(read.skipped);
  return table;
}

void standardise(Table& table, std::span<const std::int64_t> chosen) {
  const std::int64_t features = table.features();
  for (std::int64_t f = 0; f < features; ++f) {
    if (!table.numbers[static_cast<std::size_t>(f)]) continue;
    const auto value = [&](std::int64_t row) -> float& {
      return table.values[static_cast<std::size_t>(row * features + f)];
    };
    double sum = 0.0, squares = 0.0;
    for (const std::int64_t row : chosen) sum += double{value(row)};
    const double mean = sum / static_cast<double>(chosen.size());
    for (const std::int64_t row : chosen) squares += (double{value(row)} - mean) * (double{value(row)} - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(chosen.size()));
    for (std::int64_t row = 0; row < table.rows(); ++row)
      value(row) = static_cast<float>((double{value(row)} - mean) / (deviation > 0.0 ? deviation : 1.0));
  }
}

TableSource::TableSource(std::shared_ptr<const Table> table)
    : table_(std::move(table)), fields_{{"features", DType::f32, Shape{table_->features()}}} {
  if (table_->targets.empty())
    fields_.push_back({"labels", DType::i32, Shape{}});
  else
    fields_.push_back({"targets", DType::f32, Shape{1}});
}

void TableSource::read(std::int64_t, std::int64_t sample, std::span<std::byte* const> rows) const {
  const auto features = static_cast<std::size_t>(table_->features()), row = static_cast<std::size_t>(sample);
  std::memcpy(rows[0], table_->values.data() + row * features, features * sizeof(float));
  if (table_->targets.empty())
    std::memcpy(rows[1], &table_->labels[row], sizeof(std::int32_t));
  else
    std::memcpy(rows[1], &table_->targets[row], sizeof(float));
}

}  // namespace trireme::data
