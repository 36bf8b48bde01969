#include "runtime/data/csv.h"

#include <utility>

#include "runtime/base/error.h"

namespace trireme::data {

CsvReader::CsvReader(std::string_view text, char separator, std::string name)
    : text_(text), separator_(separator), name_(std::move(name)) {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (text_.starts_with(mark)) at_ = mark.size();
}

std::optional<CsvRecord> CsvReader::next() {
  while (at_ < text_.size() && (text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n")) {
    line_ += text_[at_] == '\n';
    ++at_;
  }
  if (at_ >= text_.size()) return std::nullopt;
  CsvRecord record{.line = line_, .values = {}};
  for (bool last = false; !last;) record.values.push_back(value(last));
  return record;
}

// The value at the current place, and the separator or line end behind it.
std::string CsvReader::value(bool& last) {
  std::string value;
  const std::int64_t begin = line_;
  const bool quoted = at_ < text_.size() && text_[at_] == '"';
  if (quoted) {
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) fail("data", name_ + ": line", begin, "- a quote that begins here does not end");
      if (text_[at_] == '"' && text_.substr(at_, 2) != "\"\"") break;
      at_ += text_[at_] == '"';
      line_ += text_[at_] == '\n';
      value += text_[at_];
    }
    ++at_;
  }
  while (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n') value += text_[at_++];
  last = at_ >= text_.size() || text_[at_] == '\n';
  if (last) ++line_;
  if (last && value.ends_with('\r')) value.pop_back();
  ++at_;
  return value;
}

}  // namespace trireme::data
