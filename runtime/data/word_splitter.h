// Cuts a text into the words that byte-pair merges stay inside of.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

namespace trireme::data {

class WordSplitter {
 public:
  // A Perl-compatible regular expression that matches at every place of a text; Unicode classes (\p{L}) are known.
  explicit WordSplitter(std::string_view pattern);
  ~WordSplitter();

  // Calls visit(word) for the words of `text` in order; together they are the text. Bytes that are not valid UTF-8 are
  // words of one byte each. Safe from several threads.
  void split(std::string_view text, const std::function<void(std::string_view)>& visit) const;

 private:
  struct Compiled;
  void split_valid(std::string_view text, const std::function<void(std::string_view)>& visit) const;

  std::unique_ptr<Compiled> compiled_;
};

}  // namespace trireme::data
