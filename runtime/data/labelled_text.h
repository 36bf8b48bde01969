// Texts of which each has a class.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/source.h"
#include "runtime/data/tokenizer.h"

namespace trireme::data {

struct LabelledTextOptions {
  // Files of lines "class<TAB>text", plain or gzipped (folders stand for their *.tsv), or, with `folders`, one folder
  // that has a folder of text files for each class.
  std::vector<std::string> paths;
  bool folders = false;
  bool skip_bad = false;                           // leave out what is wrong, and count it
  std::int64_t max_bytes = std::int64_t{4} << 30;  // of a file
};

struct LabelledTexts {
  std::vector<std::vector<std::int32_t>> tokens;  // at least one each
  std::vector<std::int32_t> labels;
  std::vector<std::string> class_names;  // sorted by bytes
  std::vector<std::string> skipped;      // what was wrong with those that were left out
};

// A line without a tab, a class or text that is empty, a class without texts: an Error with file and line.
LabelledTexts read_labelled_texts(const LabelledTextOptions& options, const Tokenizer& tokenizer);

// "tokens" (T) i32, the first T of a text, those that it lacks filled with `padding`; "lengths" () i32, how many are
// the text's; "labels" () i32.
class LabelledTextSource : public Source {
 public:
  LabelledTextSource(std::shared_ptr<const LabelledTexts> texts, std::int64_t sequence, std::int32_t padding);

  std::span<const Field> fields() const override { return fields_; }
  std::int64_t samples() const override { return std::ssize(texts_->tokens); }
  void read(std::int64_t epoch, std::int64_t sample, std::span<std::byte* const> rows) const override;

 private:
  std::shared_ptr<const LabelledTexts> texts_;
  std::int64_t sequence_;
  std::int32_t padding_;
  std::vector<Field> fields_;
};

}  // namespace trireme::data
