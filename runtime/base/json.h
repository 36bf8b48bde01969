// JSON text from files that may be damaged or hostile. Include <nlohmann/json.hpp> only in .cpp files.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace trireme {

// Parses one JSON value. Duplicate keys, more than `max_depth` nested levels, invalid UTF-8 and trailing characters
// are an Error that begins with `source` (a path).
nlohmann::json parse_json(std::string_view where, const std::string& source, std::string_view text, int max_depth);

}  // namespace trireme
