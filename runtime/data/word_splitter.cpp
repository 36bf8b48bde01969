#include "runtime/data/word_splitter.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <string>

#include "runtime/base/error.h"
#include "runtime/data/utf8.h"

namespace trireme::data {
namespace {

constexpr std::string_view op = "tokenizer";

std::string pcre_message(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatch {
  void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
};

}  // namespace

struct WordSplitter::Compiled {
  std::unique_ptr<pcre2_code, FreeCode> code;
};

WordSplitter::WordSplitter(std::string_view pattern) : compiled_(std::make_unique<Compiled>()) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  compiled_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                      PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr));
  if (!compiled_->code) fail(op, "the word pattern is wrong at character", offset, ":", pcre_message(error));
  // Without just-in-time compilation matching is slower and the same.
  (void)pcre2_jit_compile(compiled_->code.get(), PCRE2_JIT_COMPLETE);
}

WordSplitter::~WordSplitter() = default;

void WordSplitter::split(std::string_view text, const std::function<void(std::string_view)>& visit) const {
  while (!text.empty()) {
    const std::size_t valid = valid_prefix(text);
    if (valid > 0) split_valid(text.substr(0, valid), visit);
    if (valid < text.size()) visit(text.substr(valid, 1));
    text.remove_prefix(std::min(valid + 1, text.size()));
  }
}

void WordSplitter::split_valid(std::string_view text, const std::function<void(std::string_view)>& visit) const {
  const std::unique_ptr<pcre2_match_data, FreeMatch> match(pcre2_match_data_create(1, nullptr));
  require(match != nullptr, op, "out of memory");
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  for (std::size_t at = 0; at < text.size();) {
    const int found =
        pcre2_match(compiled_->code.get(), subject, text.size(), at, PCRE2_NO_UTF_CHECK, match.get(), nullptr);
    if (found < 0) fail(op, "matching words failed at byte", at, "of a text:", pcre_message(found));
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.get());
    if (bounds[0] != at || bounds[1] <= at) fail(op, "the word pattern leaves a gap at byte", at, "of a text");
    visit(text.substr(at, bounds[1] - at));
    at = bounds[1];
  }
}

}  // namespace trireme::data
