// Writing one JSON object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trireme::launcher {

// Keys in the order they are added. Numbers are written with as few digits as give them back exactly; what JSON has no
// word for (NaN, infinity) is null, bytes that are no UTF-8 are U+FFFD.
class JsonLine {
 public:
  JsonLine& add(std::string_view key, double value);
  JsonLine& add(std::string_view key, std::int64_t value);
  JsonLine& add(std::string_view key, int value) { return add(key, std::int64_t{value}); }
  JsonLine& add(std::string_view key, bool value);
  JsonLine& add(std::string_view key, std::string_view value);
  JsonLine& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  JsonLine& add_null(std::string_view key);
  // `json` is a value already written.
  JsonLine& add_json(std::string_view key, std::string_view json);

  // "{...}" without a newline.
  std::string text() const { return body_ + '}'; }

 private:
  void begin(std::string_view key);

  std::string body_ = "{";
};

}  // namespace trireme::launcher
