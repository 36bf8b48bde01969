// The checkpoints of one run: folders step-00000100, step-00000200, ... beside each other.
#pragma once

#include <cstdint>
#include <limits>
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

inline constexpr std::int64_t any_step = std::numeric_limits<std::int64_t>::max();

// The newest checkpoint of a step below `before` that can be opened: its tensors are verified when they are read.
// Folders being written are not looked at.
FoundCheckpoint latest_checkpoint(const std::string& run, std::int64_t before = any_step);

// For a run that goes on from step `step`: what lies in its folder for later steps, damaged or from another course of
// the run, is renamed to step-00000200.passed-over and is no checkpoint of the run any more. Returns the new paths.
std::vector<std::string> pass_over_after(const std::string& run, std::int64_t step);

// Removes all but the newest `count` checkpoints in order; damaged ones are left for a person to look at.
void keep_last(const std::string& run, std::int64_t count);

// Removes what saves that were killed have left behind. Only for the one process of a run that saves, while no save
// is under way. Returns the paths removed.
std::vector<std::string> remove_unfinished(const std::string& run);

}  // namespace trireme::store
