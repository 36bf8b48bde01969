// The text format parser's complaints, told in terms of the job. Only for launcher/config: it shows Protobuf types.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>

#include <string>
#include <string_view>
#include <vector>

namespace trireme::launcher {

// Keeps the first error; the parser gives up after it anyway. Line and column count from 0; a tab goes to the next
// multiple of eight columns, the others count bytes.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int error_line, google::protobuf::io::ColumnNumber error_column, const std::string& message) override {
    if (!text.empty()) return;
    line = error_line;
    column = error_column;
    text = message;
  }

  int line = -1;
  int column = 0;
  std::string text;
};

// The byte at which the parser's (line, column) lies.
std::size_t offset_of(std::string_view text, int line, int column);

struct Explanation {
  std::size_t offset = 0;  // the byte to point at
  std::string message;     // begins with the field: "model.gpt.layers: expected ..., found abc"
};

// `text` is the contents of the message at path `base` of `root`.
Explanation explain(const FirstError& error, std::string_view text, const google::protobuf::Descriptor& root,
                    const std::vector<std::string>& base);

// Where a number with a leading zero stands in a job's text, which the parser would take for octal; text.size():
// nowhere.
std::size_t find_octal(std::string_view text);
std::string octal_complaint(std::string_view text, std::size_t at);

}  // namespace trireme::launcher
