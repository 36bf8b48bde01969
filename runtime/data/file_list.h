// The files that a job names: single files, folders and patterns.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::data {

struct FilePatterns {
  // Shell patterns ("*.txt"), for files inside folders. One with a '/' is matched against the path below the folder,
  // one without against each part of that path, so that "build" leaves out a folder. Empty `include` takes everything.
  std::vector<std::string> include = {};
  std::vector<std::string> exclude = {};
  std::string leave_out = {};          // a folder that is not looked into, where it lies inside another
  std::function<void()> between = {};  // called often; what it throws ends the listing
};

struct ListedFile {
  std::string path;
  bool named = false;  // by the job itself, not found in a folder or by a pattern
};

// Expands `paths` in the given order. A folder stands for the regular files in it at any depth, a path with *, ? or [
// for what it matches, each sorted by bytes; hidden names and symbolic links inside folders are left out. A path that
// yields no file is an Error.
std::vector<ListedFile> list_files(std::string_view where, const std::vector<std::string>& paths,
                                   const FilePatterns& patterns);

}  // namespace trireme::data
