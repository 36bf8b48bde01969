#include "runtime/data/file_list.h"

#include <fnmatch.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>

#include "runtime/base/error.h"

namespace trireme::data {
namespace {

namespace fs = std::filesystem;

bool matches(const fs::path& relative, const std::string& pattern, bool any_part) {
  if (pattern.find('/') != std::string::npos) return ::fnmatch(pattern.c_str(), relative.c_str(), 0) == 0;
  if (!any_part) return ::fnmatch(pattern.c_str(), relative.filename().c_str(), 0) == 0;
  return std::any_of(relative.begin(), relative.end(),
                     [&](const fs::path& part) { return ::fnmatch(pattern.c_str(), part.c_str(), 0) == 0; });
}

bool matches_any(const fs::path& relative, const std::vector<std::string>& patterns, bool any_part) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(relative, pattern, any_part); });
}

std::vector<std::string> files_below(std::string_view where, const std::string& folder, const FilePatterns& patterns) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (patterns.between) patterns.between();
    std::error_code ignored;  // an entry that vanishes meanwhile is no regular file
    const fs::path relative = entry->path().lexically_relative(folder);
    const bool hidden = relative.filename().native().starts_with('.');
    const bool left_out = !patterns.leave_out.empty() && entry->is_directory(ignored) &&
                          fs::equivalent(entry->path(), patterns.leave_out, ignored);
    if (hidden || left_out || entry->is_symlink(ignored) || matches_any(relative, patterns.exclude, true)) {
      entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file(ignored)) continue;
    if (patterns.include.empty() || matches_any(relative, patterns.include, false))
      files.push_back(entry->path().string());
  }
  if (error) fail(where, folder + ": cannot be listed:", error.message() + "; check its permissions");
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> expand(std::string_view where, const std::string& pattern) {
  struct Found {
    glob_t list{};
    ~Found() { ::globfree(&list); }
  } found;
  const int result = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found.list);
  if (result == GLOB_NOMATCH) fail(where, pattern + ": expected at least one match, found none");
  if (result != 0) fail(where, pattern + ": the pattern cannot be expanded; check the permissions of its folders");
  std::vector<std::string> paths(found.list.gl_pathv, found.list.gl_pathv + found.list.gl_pathc);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

std::vector<ListedFile> list_files(std::string_view where, const std::vector<std::string>& paths,
                                   const FilePatterns& patterns) {
  require(!paths.empty(), where, "expected at least one path to data, found none");
  std::vector<ListedFile> files;
  for (const std::string& path : paths) {
    const std::size_t before = files.size();
    std::error_code ignored;  // a path that cannot be examined is reported when it is opened
    const bool pattern = path.find_first_of("*?[") != std::string::npos && !fs::exists(path, ignored);
    for (const std::string& one : pattern ? expand(where, path) : std::vector<std::string>{path}) {
      if (!fs::is_directory(one, ignored)) {
        files.push_back({one, !pattern});
        continue;
      }
      for (std::string& file : files_below(where, one, patterns)) files.push_back({std::move(file), false});
    }
    if (files.size() == before) {
      std::string wanted;
      for (const std::string& include : patterns.include) wanted += " " + include;
      fail(where, path + ": expected files in this folder",
           (wanted.empty() ? "" : "that match" + wanted) + ", found none");
    }
  }
  return files;
}

}  // namespace trireme::data
