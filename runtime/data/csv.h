// Lines of values, separated by commas or something else (RFC 4180).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::data {

struct CsvRecord {
  std::int64_t line = 0;  // at which it begins, from 1 on
  std::vector<std::string> values;
};

// Reads a text record by record. Values may stand in quotes, which are doubled inside; then separators and line ends
// are part of them. Empty lines are passed over; lines may end with CR LF; a byte order mark is left out.
class CsvReader {
 public:
  // `name` is for messages; the text must stay.
  CsvReader(std::string_view text, char separator, std::string name);
  // None at the end. An Error, with the line, where a quote does not end.
  std::optional<CsvRecord> next();

 private:
  std::string value(bool& last);

  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
  char separator_;
  std::string name_;
};

}  // namespace trireme::data
