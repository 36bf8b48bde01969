// The choices of timed searches, kept in a file so that later runs need no search and make the same choice.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace trireme::cuda {

// A choice as the library gives it: opaque words, which it can check.
using Algorithm = std::array<std::uint64_t, 8>;

// A small text file of lines, each with a checksum. A file that is damaged anywhere counts as empty and is written anew
// at the next choice. Several processes may use one file: it is replaced as a whole, what others wrote meanwhile is
// kept, and where two have chosen for the same key, the one that is in the file stays.
class AlgorithmFile {
 public:
  // The file need not exist; its folder is made. With an empty path choices are remembered by this object alone.
  explicit AlgorithmFile(std::string path);

  std::optional<Algorithm> find(const std::string& key) const;
  // Returns what is to be used: `choice`, or what another process wrote before, unless that is `refused`, a choice that
  // the library no longer takes. A key is one line of words.
  Algorithm add(const std::string& key, const Algorithm& choice, const std::optional<Algorithm>& refused = {});

  // Why the last choice could not be written; empty: it was. Choices are then remembered in memory only.
  const std::string& trouble() const noexcept { return trouble_; }

 private:
  std::string path_;
  std::map<std::string, Algorithm> choices_;
  std::string trouble_;
};

}  // namespace trireme::cuda
