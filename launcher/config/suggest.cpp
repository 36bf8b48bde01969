#include "launcher/config/suggest.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace trireme::launcher {
namespace {

// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::string letters(std::string_view word) {
  std::string kept;
  for (const char c : word)
    if (c != '_' && c != '-') kept += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return kept;
}

}  // namespace

std::string nearest_name(std::string_view word, const std::vector<std::string>& names) {
  constexpr std::size_t longest_word = 64;  // beyond it nothing is near, and the table would be large
  if (word.size() < 4 || word.size() > longest_word) return {};  // three letters are near to everything
  const std::string plain = letters(word);
  std::string best;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const std::string& name : names) {
    const std::string candidate = letters(name);
    const std::size_t allowed = std::max<std::size_t>(1, std::max(plain.size(), candidate.size()) / 3);
    std::size_t cost = distance(plain, candidate);
    const bool shortened = plain.size() >= 3 && (candidate.starts_with(plain) || plain.starts_with(candidate)) &&
                           std::min(plain.size(), candidate.size()) >= 3;
    if (shortened) cost = std::min<std::size_t>(cost, 1);
    if (cost <= allowed && cost < least) {
      least = cost;
      best = name;
    }
  }
  return best;
}

}  // namespace trireme::launcher
