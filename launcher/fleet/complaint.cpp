#include "launcher/fleet/complaint.h"

#include <cstdio>
#include <new>
#include <sstream>

#include "launcher/fleet/exit_codes.h"
#include "runtime/base/error.h"

namespace trireme::launcher {

std::string words_of(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error))
    return "out of memory; try a smaller batch.micro, or recompute: block";
  return error.what();
}

int code_of(const std::exception& error) {
  return dynamic_cast<const TimedOut*>(&error) ? timed_out : 1;
}

void show_as_rank(int rank, const std::string& message) {
  std::istringstream lines(message);
  std::string text;
  for (std::string line; std::getline(lines, line);) text += "rank " + std::to_string(rank) + ": " + line + '\n';
  std::fflush(stdout);
  std::fputs(text.c_str(), stderr);  // in one write, so that lines of several ranks do not mix
}

}  // namespace trireme::launcher
