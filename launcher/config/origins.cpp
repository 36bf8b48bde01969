#include "launcher/config/origins.h"

#include <algorithm>

#include "runtime/base/error.h"

namespace trireme::launcher {
namespace {

constexpr int tab_width = 8;
constexpr int longest_shown = 120;  // columns of a line that are shown

// The field around: "a.b[1]" -> "a.b" -> "a" -> "".
std::string_view around(std::string_view field) {
  const std::size_t cut = field.find_last_of(".[");
  return cut == std::string_view::npos ? std::string_view{} : field.substr(0, cut);
}

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u;
}

// Drops characters before `first` and after `first + count`; a character may be several bytes.
std::string window(const std::string& line, int first, int count) {
  std::string cut;
  int column = -1;
  for (const char c : line) {
    if (!continues_character(c)) ++column;
    if (column >= first && column < first + count) cut += c;
  }
  return cut;
}

}  // namespace

TextPlace place_in(std::string source, std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const std::size_t newline = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
  TextPlace place;
  place.source = std::move(source);
  place.line = static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(begin), '\n'));
  int column = 0;
  for (std::size_t at = begin; at <= text.size(); ++at) {
    if (at == offset) place.column = column;
    if (at == text.size() || text[at] == '\n') break;
    if (text[at] == '\t') {
      const int wide = tab_width - column % tab_width;
      place.shown.append(static_cast<std::size_t>(wide), ' ');
      column += wide;
    } else if (text[at] != '\r') {
      const bool control = static_cast<unsigned char>(text[at]) < 0x20 || text[at] == 0x7f;
      place.shown += control ? '?' : text[at];
      if (at + 1 >= text.size() || !continues_character(text[at + 1])) ++column;
    }
  }
  return place;
}

std::string placed_message(const TextPlace& place, std::string_view message) {
  const bool numbered = place.line >= 0;
  std::string text = place.source;
  if (numbered) text += ':' + std::to_string(place.line + 1) + ':' + std::to_string(place.column + 1);
  text += ": ";
  text += message;
  if (place.shown.empty()) return text;
  const int first = std::max(0, place.column - longest_shown + 20);
  const std::string number = numbered ? std::to_string(place.line + 1) : "";
  const std::string margin(std::max<std::size_t>(number.size(), 4), ' ');
  text += '\n' + margin.substr(number.size()) + number + " | " + window(place.shown, first, longest_shown);
  text += '\n' + margin + " | " + std::string(static_cast<std::size_t>(place.column - first), ' ') + '^';
  return text;
}

void Origins::forget(const std::string& field) {
  std::erase_if(places_, [&](const auto& entry) {
    const std::string& name = entry.first;
    return name.starts_with(field) &&
           (name.size() == field.size() || name[field.size()] == '.' || name[field.size()] == '[');
  });
}

void Origins::fail(std::string_view field, std::string_view message) const {
  const std::string said = std::string(field) + (field.empty() ? "" : ": ") + std::string(message);
  for (std::string_view place = field; !place.empty(); place = around(place))
    if (const auto found = places_.find(std::string(place)); found != places_.end())
      throw Error(placed_message(found->second, said));
  throw Error((job_file_.empty() ? "" : job_file_ + ": ") + said);
}

}  // namespace trireme::launcher
