// The rules of the house, as far as a look at the text can tell.
#pragma once

#include <istream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/layering/source.h"

namespace trireme::layering {

// Which part of the tree may include which; a part is a folder ("runtime/nn", "parallel").
class Rooms {
 public:
  // One part per line, then what it may use, all of it above; '#' starts a comment. Throws std::runtime_error.
  explicit Rooms(std::istream& text);

  // The part that a path lies in; empty if none.
  std::string part_of(std::string_view path) const;
  bool may_use(const std::string& part, const std::string& other) const;
  // The folders at the top of the tree.
  std::vector<std::string> folders() const;

 private:
  std::vector<std::string> parts_;
  std::map<std::string, std::set<std::string>> uses_;
};

// Each complaint reads "path:line: what is wrong".
using Complaints = std::vector<std::string>;

// Includes go only where rooms allow; mpi.h stays in collectives/mpi and sources of
// collectives, generated messages in launcher.
Complaints check_includes(const Rooms& rooms, const std::vector<SourceFile>& files);
// Only launcher, examples and tests read the environment, print, handle signals or end the process (which
// collectives/mpi may do too: MPI ends all ranks together).
Complaints check_calls(const std::vector<SourceFile>& files);
// Below launcher nothing outlives main or is shared behind a caller's back.
Complaints check_state(const std::vector<SourceFile>& files);
// Absence is a file that the build leaves out, not a conditional; no macros that look like functions.
Complaints check_preprocessor(const std::vector<SourceFile>& files);
// At most 120 columns, 400 lines a file and 60 lines a function, as clang-format lays them out.
Complaints check_sizes(const std::vector<SourceFile>& files);

}  // namespace trireme::layering
