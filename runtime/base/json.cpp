#include "runtime/base/json.h"

#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "runtime/base/error.h"

namespace trireme {

nlohmann::json parse_json(std::string_view where, const std::string& source, std::string_view text, int max_depth) {
  using nlohmann::json;
  std::vector<std::unordered_set<std::string>> keys;  // one set per open object
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    const bool opens = event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    if (opens && depth >= max_depth)
      fail(where, source + ": expected at most", max_depth, "levels of nesting, found more");
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      fail(where, source + ": expected each key once, found", parsed.dump(), "twice");
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), watch);
  } catch (const json::exception& error) {
    fail(where, source + ": expected JSON,", error.what());
  }
}

}  // namespace trireme
