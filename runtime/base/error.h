// Errors: one exception type and one way to raise it.
// A message reads "[where] expected, found, remedy"; the launcher adds the rank once, at the top.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace trireme {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A wait that went past its deadline. What was waited for may answer the next time.
class TimedOut : public Error {
 public:
  using Error::Error;
};

// Throws an Error, or the kind that is named, with the message "[where] words...", the words joined by single spaces.
template <class Kind = Error, class... Words>
[[noreturn]] void fail(std::string_view where, const Words&... words) {
  std::ostringstream text;
  text << '[' << where << ']';
  ((text << ' ' << words), ...);
  throw Kind(text.str());
}

// fail() unless `holds`. For checks on a hot path, test first and call fail(): the words are evaluated either way.
template <class... Words>
void require(bool holds, std::string_view where, const Words&... words) {
  if (!holds) fail(where, words...);
}

}  // namespace trireme
