// The checkpoints of one run: folders step-00000100, step-00000200, ... beside each other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trireme::store {

// `run` + "/step-00000100".
std::string checkpoint_path(const std::string& run, std::int64_t step);

struct FoundCheckpoint {
  std::string path;  // empty: there is none
  std::int64_t step = 0;
  std::vector<std::string> refused;  // one line for every newer folder that is damaged or incomplete, newest first
};

// The newest checkpoint whose manifest and file sizes are in order. Folders being written are not looked at.
FoundCheckpoint latest_checkpoint(const std::string& run);

// Removes all but the newest `count` checkpoints in order; damaged ones are left for a person to look at.
void keep_last(const std::string& run, std::int64_t count);

// Removes what saves that were killed have left behind. Only for the one process of a run that saves, while no save
// is under way. Returns the paths removed.
std::vector<std::string> remove_unfinished(const std::string& run);

}  // namespace trireme::store
