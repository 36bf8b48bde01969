#include "runtime/store/run_folder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <filesystem>

#include "runtime/store/checkpoint.h"

namespace trireme::store {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view op = "checkpoints";
constexpr std::string_view prefix = "step-";
constexpr std::string_view aside = ".tmp-";

// "step-" and digits, then nothing, or ".tmp-" and something for a folder aside.
bool is_checkpoint_name(std::string_view name, bool unfinished) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  const std::size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  if (digits == 0) return false;
  name.remove_prefix(digits);
  return unfinished ? name.starts_with(aside) : name.empty();
}

std::vector<std::string> list(const std::string& run, bool unfinished) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entries(run, error);
  if (error == std::errc::no_such_file_or_directory) return names;
  if (error) fail(op, run + ": cannot be listed:", error.message());
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    // A checkpoint may have been moved to a larger disk; what is to be removed must lie here itself.
    if (is_checkpoint_name(name, unfinished) && entry.is_directory(error) && !(unfinished && entry.is_symlink(error)))
      names.push_back(entry.path().string());
  }
  return names;
}

struct Candidate {
  std::string path;
  std::int64_t step = 0;
  std::string refusal;  // empty: in order
};

// Newest first. The step is the manifest's; a folder without a manifest to read is placed by its name.
std::vector<Candidate> candidates(const std::string& run) {
  std::vector<Candidate> found;
  for (const std::string& path : list(run, false)) {
    Candidate candidate{path, 0, ""};
    try {
      candidate.step = CheckpointReader(path).step();
    } catch (const Error& error) {
      candidate.refusal = error.what();
      const std::string digits = fs::path(path).filename().string().substr(prefix.size());
      candidate.step = digits.size() < 19 ? std::stoll(digits) : 0;
    }
    found.push_back(std::move(candidate));
  }
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return a.step != b.step ? a.step > b.step : a.path > b.path;
  });
  return found;
}

}  // namespace

std::string checkpoint_path(const std::string& run, std::int64_t step) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "step-%08lld", static_cast<long long>(step));
  return run + "/" + name.data();
}

FoundCheckpoint latest_checkpoint(const std::string& run, std::int64_t before) {
  FoundCheckpoint found;
  for (Candidate& candidate : candidates(run)) {
    if (candidate.step >= before) continue;
    if (candidate.refusal.empty()) {
      found.path = std::move(candidate.path);
      found.step = candidate.step;
      break;
    }
    found.refused.push_back(std::move(candidate.refusal));
  }
  return found;
}

std::vector<std::string> pass_over_after(const std::string& run, std::int64_t step) {
  std::vector<std::string> renamed;
  for (const Candidate& candidate : candidates(run)) {
    if (candidate.step <= step) continue;
    std::string to = candidate.path + ".passed-over";
    for (int number = 2; fs::exists(to); ++number) to = candidate.path + ".passed-over-" + std::to_string(number);
    std::error_code error;
    fs::rename(candidate.path, to, error);
    if (error) fail(op, candidate.path + ": cannot be renamed:", error.message());
    renamed.push_back(std::move(to));
  }
  return renamed;
}

void keep_last(const std::string& run, std::int64_t count) {
  require(count >= 1, op, "expected to keep at least one checkpoint, found", count);
  for (const Candidate& candidate : candidates(run)) {
    if (!candidate.refusal.empty() || count-- > 0) continue;
    // Out of sight first: a removal that is cut short leaves no half checkpoint under a checkpoint's name.
    const std::string doomed = candidate.path + std::string(aside) + "removed";
    std::error_code error;
    fs::remove_all(doomed, error);
    fs::rename(candidate.path, doomed, error);
    if (!error) fs::remove_all(doomed, error);
    if (error) fail(op, candidate.path + ": cannot be removed:", error.message());
  }
}

std::vector<std::string> remove_unfinished(const std::string& run) {
  std::vector<std::string> removed;
  for (std::string& path : list(run, true)) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) fail(op, path + ": cannot be removed:", error.message());
    removed.push_back(std::move(path));
  }
  return removed;
}

}  // namespace trireme::store
