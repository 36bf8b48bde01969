// The valid name that a mistyped one was probably meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trireme::launcher {

// The nearest of `names` by Damerau-Levenshtein distance, or one that `word` abbreviates; empty where none is near.
std::string nearest_name(std::string_view word, const std::vector<std::string>& names);

}  // namespace trireme::launcher
