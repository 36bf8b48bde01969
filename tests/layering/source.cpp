#include "tests/layering/source.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

namespace trireme::layering {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Walks over a text and blanks out what is no code.
class Blanker {
 public:
  Blanker(std::string_view text, Literals literals) : text_(text), out_(text), literals_(literals) {}

  std::string run() {
    while (at_ < text_.size()) {
      if (starts("//")) {
        blank_to(text_.find('\n', at_));
      } else if (starts("/*")) {
        blank_to(after(text_.find("*/", at_ + 2), 2));
      } else if (starts("R\"") && (at_ == 0 || !is_word(text_[at_ - 1]))) {
        raw_string();
      } else if (text_[at_] == '"' || (text_[at_] == '\'' && (at_ == 0 || !is_word(text_[at_ - 1])))) {
        literal(text_[at_]);
      } else {
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  bool starts(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
  std::size_t after(std::size_t place, std::size_t length) const {
    return place == std::string_view::npos ? text_.size() : place + length;
  }

  void blank_to(std::size_t end) {
    end = std::min(end, text_.size());
    for (; at_ < end; ++at_) {
      if (out_[at_] != '\n') out_[at_] = ' ';
    }
  }

  // Inside the quotes, which stay.
  void content_to(std::size_t end) {
    if (literals_ == Literals::blank) blank_to(end);
    at_ = std::min(end, text_.size());
  }

  void raw_string() {
    const std::size_t open = text_.find('(', at_);
    if (open == std::string_view::npos) {
      at_ = text_.size();
      return;
    }
    const std::string close = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    at_ += 2;
    content_to(after(text_.find(close, open), close.size() - 1));
    if (at_ < text_.size()) ++at_;
  }

  void literal(char quote) {
    std::size_t end = ++at_;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') end += text_[end] == '\\' ? 2 : 1;
    content_to(end);
    if (at_ < text_.size()) ++at_;
  }

  std::string_view text_;
  std::string out_;
  Literals literals_;
  std::size_t at_ = 0;
};

// Blanks preprocessor lines, with those they continue on.
void blank_directives(std::string& code) {
  bool line_start = true;
  bool directive = false;
  for (std::size_t i = 0; i < code.size(); ++i) {
    const char c = code[i];
    if (c == '\n') {
      directive = directive && i > 0 && code[i - 1] == '\\';
      line_start = true;
      continue;
    }
    if (line_start && c == '#') directive = true;
    if (c != ' ' && c != '\t') line_start = false;
    if (directive && c != '\\') code[i] = ' ';
  }
  std::replace(code.begin(), code.end(), '\\', ' ');
}

// Cuts code into heads.
class HeadReader {
 public:
  explicit HeadReader(std::string_view text) : code_(code_of(text, Literals::blank)) { blank_directives(code_); }

  std::vector<Head> run() {
    for (std::size_t at = 0; at < code_.size(); ++at) {
      const char c = code_[at];
      if (c == '\n') ++line_;
      if (c == '(') ++parentheses_;
      if (c == ')') --parentheses_;
      if (parentheses_ == 0 && ends_here(at)) {
        finish(c);
      } else if (!head_.empty() || std::isspace(static_cast<unsigned char>(c)) == 0) {
        if (head_.empty()) head_line_ = line_;
        head_ += c == '\n' ? ' ' : c;
      }
    }
    return std::move(found_);
  }

 private:
  bool ends_here(std::size_t at) const {
    const char c = code_[at];
    if (c == ';' || c == '{' || c == '}') return true;
    if (c != '=' || (at + 1 < code_.size() && code_[at + 1] == '=')) return false;
    if (at > 0 && std::string_view("=<>!+-*/%&|^").find(code_[at - 1]) != std::string_view::npos) return false;
    if (head_.ends_with("operator")) return false;
    const bool in_template_head = head_.starts_with("template") && std::count(head_.begin(), head_.end(), '<') >
                                                                       std::count(head_.begin(), head_.end(), '>');
    return !in_template_head;
  }

  void finish(char end) {
    if (!head_.empty() && end != '}' && !assigned_) found_.push_back({head_, end, head_line_, scope()});
    if (end == '{') scopes_.push_back(scope_of(head_));
    if (end == '}' && !scopes_.empty()) scopes_.pop_back();
    assigned_ = end == '=';
    head_.clear();
  }

  Scope scope() const { return scopes_.empty() ? Scope::space : scopes_.back(); }

  Scope scope_of(const std::string& head) const {
    static const std::regex space(R"(^(inline\s+)?namespace\b|^extern\s+")");
    static const std::regex type(R"(\b(class|struct|union)\b)");
    if (assigned_) return Scope::body;
    if (std::regex_search(head, space)) return Scope::space;
    const bool function = head.find('(') != std::string::npos && !head.starts_with("struct alignas");
    return !function && std::regex_search(head, type) ? Scope::type : Scope::body;
  }

  std::string code_;
  std::vector<Head> found_;
  std::vector<Scope> scopes_;
  std::string head_;
  int line_ = 1;
  int head_line_ = 1;
  int parentheses_ = 0;
  bool assigned_ = false;  // the next end closes what an '=' assigns
};

}  // namespace

std::vector<SourceFile> read_tree(const std::filesystem::path& root, const std::vector<std::string>& folders) {
  const std::set<std::string> kinds = {".h", ".cpp", ".cu", ".cuh"};
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    if (!std::filesystem::exists(root / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || kinds.count(entry.path().extension().string()) == 0) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      files.push_back({entry.path().lexically_relative(root).generic_string(),
                       std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>())});
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::string code_of(std::string_view text, Literals literals) {
  return Blanker(text, literals).run();
}

std::vector<Include> includes_of(std::string_view text) {
  static const std::regex form(R"rx(^\s*#\s*include\s*([<"])([^>"]+)[>"])rx");
  const std::string code = code_of(text, Literals::keep);
  std::vector<Include> found;
  int line = 0;
  for (std::size_t begin = 0; begin < code.size();) {
    const std::size_t end = std::min(code.find('\n', begin), code.size());
    ++line;
    std::smatch match;
    const std::string one = code.substr(begin, end - begin);
    if (std::regex_search(one, match, form)) found.push_back({match[2], match[1] == "\"", line});
    begin = end + 1;
  }
  return found;
}

std::vector<Head> heads_of(std::string_view text) {
  return HeadReader(text).run();
}

}  // namespace trireme::layering
