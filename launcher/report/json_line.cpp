#include "launcher/report/json_line.h"

#include <charconv>
#include <cmath>

#include "runtime/data/utf8.h"

namespace trireme::launcher {
namespace {

std::string quoted(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string json = "\"";
  for (; !text.empty(); text.remove_prefix(1)) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      const std::size_t bytes = data::first_code_point(text).bytes;
      json += bytes > 0 ? text.substr(0, bytes) : "\xef\xbf\xbd";  // U+FFFD
      text.remove_prefix(bytes > 0 ? bytes - 1 : 0);
    } else if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (c == '\n') {
      json += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      json += "\\u00";
      json += digits[byte >> 4];
      json += digits[byte & 15];
    } else {
      json += c;
    }
  }
  return json + '"';
}

}  // namespace

void JsonLine::begin(std::string_view key) {
  if (body_.size() > 1) body_ += ',';
  body_ += quoted(key) + ':';
}

JsonLine& JsonLine::add(std::string_view key, double value) {
  if (!std::isfinite(value)) return add_null(key);
  char digits[32];
  begin(key);
  body_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  return *this;
}

JsonLine& JsonLine::add(std::string_view key, std::int64_t value) {
  begin(key);
  body_ += std::to_string(value);
  return *this;
}

JsonLine& JsonLine::add(std::string_view key, bool value) {
  begin(key);
  body_ += value ? "true" : "false";
  return *this;
}

JsonLine& JsonLine::add(std::string_view key, std::string_view value) {
  begin(key);
  body_ += quoted(value);
  return *this;
}

JsonLine& JsonLine::add_null(std::string_view key) {
  return add_json(key, "null");
}

JsonLine& JsonLine::add_json(std::string_view key, std::string_view json) {
  begin(key);
  body_ += json;
  return *this;
}

}  // namespace trireme::launcher
