#include "runtime/kernels/cuda/gemm/algorithm_file.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include "runtime/base/philox.h"

namespace trireme::cuda {
namespace {

using Choices = std::map<std::string, Algorithm>;

constexpr std::string_view title = "trireme: choices for matrix products, 1";
constexpr std::size_t digits = 16;  // of a word

std::string hexadecimal(std::uint64_t word) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; word >>= 4) text[i] = "0123456789abcdef"[word & 15u];
  return text;
}

std::optional<std::uint64_t> word_of(std::string_view text) {
  std::uint64_t word = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), word, 16);
  if (text.size() != digits || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return word;
}

// "CHECKSUM WORDS KEY": the checksum is of what follows it.
std::string line_of(const std::string& key, const Algorithm& choice) {
  std::string rest;
  for (std::uint64_t word : choice) rest += hexadecimal(word);
  rest += ' ' + key;
  return hexadecimal(hash_name(rest)) + ' ' + rest;
}

bool read_line(std::string_view line, Choices& into) {
  constexpr std::size_t words = digits * std::tuple_size_v<Algorithm>;
  if (line.size() < digits + 1 + words + 2 || line[digits] != ' ' || line[digits + 1 + words] != ' ') return false;
  if (word_of(line.substr(0, digits)) != hash_name(line.substr(digits + 1))) return false;
  Algorithm choice{};
  for (std::size_t i = 0; i < choice.size(); ++i) {
    const auto word = word_of(line.substr(digits + 1 + i * digits, digits));
    if (!word) return false;
    choice[i] = *word;
  }
  into.emplace(line.substr(digits + 1 + words + 1), choice);
  return true;
}

// Empty where there is no file, or one that was not written whole by us.
Choices read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  if (!std::getline(file, line) || line != title) return {};
  Choices choices;
  std::size_t count = 0;
  for (; std::getline(file, line) && line.find(' ') != std::string::npos; ++count) {
    if (!read_line(line, choices)) return {};
  }
  // The last line counts the others, so that a file cut short is seen.
  return line == std::to_string(count) ? choices : Choices{};
}

// Why it failed, or nothing. The new file takes the old one's place in one step.
std::string replace(const std::string& path, const Choices& choices) {
  const std::filesystem::path target(path);
  std::error_code error;
  if (target.has_parent_path()) std::filesystem::create_directories(target.parent_path(), error);
  const std::string aside = path + '.' + std::to_string(gettid());
  std::ofstream file(aside, std::ios::binary | std::ios::trunc);
  file << title << '\n';
  for (const auto& [key, choice] : choices) file << line_of(key, choice) << '\n';
  file << choices.size() << '\n';
  file.close();
  if (!file) return "cannot write " + aside;
  std::filesystem::rename(aside, target, error);
  return error ? "cannot rename " + aside + " to " + path + ": " + error.message() : std::string();
}

}  // namespace

AlgorithmFile::AlgorithmFile(std::string path) : path_(std::move(path)) {
  if (!path_.empty()) choices_ = read(path_);
}

std::optional<Algorithm> AlgorithmFile::find(const std::string& key) const {
  const auto found = choices_.find(key);
  return found == choices_.end() ? std::nullopt : std::optional(found->second);
}

Algorithm AlgorithmFile::add(const std::string& key, const Algorithm& choice, const std::optional<Algorithm>& refused) {
  if (path_.empty()) return choices_[key] = choice;
  Choices theirs = read(path_);
  const auto found = theirs.find(key);
  const bool taken = found != theirs.end() && found->second != refused;
  if (!taken) theirs[key] = choice;
  for (const auto& [other, mine] : choices_) theirs.emplace(other, mine);
  choices_ = std::move(theirs);
  if (!taken) trouble_ = replace(path_, choices_);
  return choices_.at(key);
}

}  // namespace trireme::cuda
