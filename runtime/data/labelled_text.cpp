#include "runtime/data/labelled_text.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/data/file_list.h"
#include "runtime/data/inflate.h"

namespace trireme::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* where = "data";

struct Entry {
  std::string name;  // of the class
  std::string text;
};

struct Collected {
  std::vector<Entry> entries;
  std::vector<std::string> skipped;
};

void add(Collected& to, const LabelledTextOptions& options, const std::string& place, Entry entry) {
  const bool nameless = entry.name.empty();
  if (!nameless && !entry.text.empty()) return to.entries.push_back(std::move(entry));
  const std::string wrong =
      place + (nameless ? ": expected a class before the tab, found none" : ": the text is empty");
  if (!options.skip_bad) fail(where, wrong);
  to.skipped.push_back(wrong);
}

void add_lines(Collected& to, const LabelledTextOptions& options, const std::string& path) {
  const std::string bytes = read_maybe_gzip(where, path, options.max_bytes);
  std::int64_t number = 0;
  for (std::size_t begin = 0, end = 0; begin < bytes.size(); begin = end + 1) {
    end = std::min(bytes.find('\n', begin), bytes.size());
    std::string line = bytes.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    const std::string place = path + ": line " + std::to_string(++number);
    if (line.empty()) continue;
    const std::size_t tab = line.find('\t');
    if (tab != std::string::npos) {
      add(to, options, place, {line.substr(0, tab), line.substr(tab + 1)});
      continue;
    }
    const std::string wrong = place + ": expected a class, a tab and a text, found no tab";
    if (!options.skip_bad) fail(where, wrong);
    to.skipped.push_back(wrong);
  }
}

void add_folders(Collected& to, const LabelledTextOptions& options, const std::string& folder) {
  std::error_code error;
  std::set<std::string> names;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->is_directory() && !at->path().filename().string().starts_with('.'))
      names.insert(at->path().filename().string());
  require(!error, where, "expected a folder of folders of texts, found", folder + ":", error.message());
  if (names.empty()) fail(where, folder + ": expected a folder for each class, found none");
  for (const std::string& name : names)
    for (const ListedFile& file : list_files(where, {folder + "/" + name}, {}))
      add(to, options, file.path, {name, read_maybe_gzip(where, file.path, options.max_bytes)});
}

}  // namespace

LabelledTexts read_labelled_texts(const LabelledTextOptions& options, const Tokenizer& tokenizer) {
  Collected collected;
  if (options.folders) {
    for (const std::string& folder : options.paths) add_folders(collected, options, folder);
  } else {
    for (const ListedFile& file : list_files(where, options.paths, {.include = {"*.tsv", "*.tsv.gz"}}))
      add_lines(collected, options, file.path);
  }
  if (collected.entries.empty())
    fail(where, "no text with a class is left",
         collected.skipped.empty() ? std::string() : "; the first that was left out: " + collected.skipped.front());
  std::set<std::string> names;
  for (const Entry& entry : collected.entries) names.insert(entry.name);
  LabelledTexts texts{
      .tokens = {}, .labels = {}, .class_names = {names.begin(), names.end()}, .skipped = std::move(collected.skipped)};
  for (const Entry& entry : collected.entries) {
    texts.tokens.push_back(tokenizer.encode(entry.text));
    texts.labels.push_back(static_cast<std::int32_t>(std::distance(names.begin(), names.find(entry.name))));
  }
  return texts;
}

LabelledTextSource::LabelledTextSource(std::shared_ptr<const LabelledTexts> texts, std::int64_t sequence,
                                       std::int32_t padding)
    : texts_(std::move(texts)),
      sequence_(sequence),
      padding_(padding),
      fields_{
          {"tokens", DType::i32, Shape{sequence}}, {"lengths", DType::i32, Shape{}}, {"labels", DType::i32, Shape{}}} {
  require(sequence >= 1 && !texts_->tokens.empty(), where, "expected texts of at least one token, found",
          texts_->tokens.size(), "of", sequence);
}

void LabelledTextSource::read(std::int64_t, std::int64_t sample, std::span<std::byte* const> rows) const {
  const std::vector<std::int32_t>& text = texts_->tokens[static_cast<std::size_t>(sample)];
  const auto length = static_cast<std::int32_t>(std::min<std::int64_t>(sequence_, std::ssize(text)));
  std::vector<std::int32_t> tokens(text.begin(), text.begin() + length);
  tokens.resize(static_cast<std::size_t>(sequence_), padding_);
  std::memcpy(rows[0], tokens.data(), tokens.size() * sizeof(std::int32_t));
  std::memcpy(rows[1], &length, sizeof length);
  std::memcpy(rows[2], &texts_->labels[static_cast<std::size_t>(sample)], sizeof(std::int32_t));
}

}  // namespace trireme::data
