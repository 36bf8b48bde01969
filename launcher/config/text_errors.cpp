#include "launcher/config/text_errors.h"

#include <cctype>

#include "launcher/config/schema.h"
#include "launcher/config/suggest.h"

namespace trireme::launcher {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// The names of the messages that are open at `end`, and the name of the field whose value begins there.
struct Position {
  std::vector<std::string> path;
  std::string field;
  int lists = 0;  // open [
};

// Whether a value, not a field's name, begins at `at`, with `lists` open [.
bool is_value(std::string_view text, std::size_t at, int lists) {
  if (at == 0) return false;
  const std::size_t before = text.find_last_not_of(" \t\r\n-", at - 1);
  if (before == std::string_view::npos) return false;
  return text[before] == ':' || text[before] == '[' || (text[before] == ',' && lists > 0);
}

// What `text` begins with: a name, or a number with its point and exponent.
std::string_view number_or_word(std::string_view text) {
  const bool number = !text.empty() && (text[0] == '.' || (text[0] >= '0' && text[0] <= '9'));
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    const bool sign = (text[end] == '-' || text[end] == '+') && end > 0 && (text[end - 1] | 0x20) == 'e';
    if (!is_word(text[end]) && !(number && (text[end] == '.' || sign))) break;
  }
  return text.substr(0, end);
}

std::size_t skip_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size() && text[at] != quote && text[at] != '\n'; ++at)
    if (text[at] == '\\') ++at;
  return at;
}

Position position_at(std::string_view text, std::size_t end, std::vector<std::string> base) {
  Position position{std::move(base), {}};
  const std::size_t floor = position.path.size();
  for (std::size_t at = 0; at < end; ++at) {
    const char c = text[at];
    if (c == '#') {
      while (at < end && text[at] != '\n') ++at;
    } else if (c == '"' || c == '\'') {
      at = skip_string(text, at);
    } else if (c == '{' || c == '<') {
      position.path.push_back(position.field);
      position.field.clear();
    } else if (c == '}' || c == '>') {
      if (position.path.size() > floor) position.path.pop_back();
    } else if (c == '[' || c == ']') {
      position.lists += c == '[' ? 1 : -1;
    } else if (is_word(c)) {
      const std::size_t begin = at;
      while (at + 1 < text.size() && is_word(text[at + 1])) ++at;
      if (!is_value(text, begin, position.lists) && at < end) position.field = text.substr(begin, at + 1 - begin);
    }
  }
  return position;
}

std::string dotted(const std::vector<std::string>& path, const std::string& field = {}) {
  std::string text;
  for (const std::string& name : path) text += (text.empty() ? "" : ".") + name;
  if (!field.empty()) text += (text.empty() ? "" : ".") + field;
  return text;
}

// The text between the first pair of quotes at or after `from`.
std::string quoted(const std::string& message, std::size_t from = 0) {
  const std::size_t open = message.find('"', from);
  const std::size_t close = open == std::string::npos ? open : message.find('"', open + 1);
  return close == std::string::npos ? "" : message.substr(open + 1, close - open - 1);
}

// The value at `at` as a reader would call it.
std::string found_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return "the end";
  std::size_t end = at;
  if (text[at] == '"' || text[at] == '\'') {
    end = std::min(skip_string(text, at) + 1, text.size());
  } else if (text[at] == '-' || is_word(text[at])) {
    ++end;
    while (end < text.size() && (is_word(text[end]) || text[end] == '.' || text[end] == '-' || text[end] == '+')) ++end;
  } else {
    end = at + 1;
  }
  return std::string(text.substr(at, std::min<std::size_t>(end - at, 60)));
}

struct Scene {
  std::string_view text;
  std::size_t offset;
  const Descriptor& root;
  const std::vector<std::string>& base;
};

// An error about the name of a field: the parser stands behind it.
Explanation about_name(const Scene& scene, const std::string& name, const std::string& complaint) {
  const std::size_t begin = scene.offset == 0 ? std::string_view::npos : scene.text.rfind(name, scene.offset - 1);
  const std::size_t at = begin == std::string_view::npos ? scene.offset : begin;
  const Position position = position_at(scene.text, at, scene.base);
  const std::string path = dotted(position.path);
  const Descriptor* message = message_at(scene.root, position.path);
  if (complaint == "unknown" && message)
    return {at, (path.empty() ? "a job" : path) + ' ' + describe_unknown(name, *message, scene.root)};
  return {at, dotted(position.path, name) + ": " + complaint};
}

// An error about a value of the wrong type: say what the field takes.
Explanation about_value(const Scene& scene, std::size_t at, const std::string& fallback) {
  const Position position = position_at(scene.text, at, scene.base);
  const Descriptor* message = message_at(scene.root, position.path);
  const FieldDescriptor* field = message ? message->FindFieldByName(position.field) : nullptr;
  if (!field) return {at, fallback};
  const std::string found = found_at(scene.text, at);
  std::string text = dotted(position.path, position.field) + ": expected " + describe_type(*field) + ", found " + found;
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && at < scene.text.size() && is_word(scene.text[at]))
    text += "; write \"" + found + '"';
  if (const auto* type = field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM ? field->enum_type() : nullptr) {
    std::vector<std::string> names;
    for (int i = 0; i < type->value_count(); ++i) names.push_back(type->value(i)->name());
    const std::string bare = found.front() == '"' ? found.substr(1, found.size() - 2) : found;
    if (const std::string near = nearest_name(bare, names); !near.empty()) text += "; did you mean " + near + '?';
  }
  return {at, text};
}

// The start of the value that ends before `at`: where the parser has already gone past it.
std::size_t value_before(std::string_view text, std::size_t at, const std::string& value) {
  const std::size_t begin = at == 0 ? std::string_view::npos : text.rfind(value, at - 1);
  return begin == std::string_view::npos ? at : begin;
}

std::string plain(const std::string& message) {
  std::string text = message;
  if (text.ends_with('.')) text.pop_back();
  const std::size_t found = text.find("found \"\"");
  if (found != std::string::npos) text.replace(found, 8, "found the end; is a } missing?");
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace

std::size_t find_octal(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '#') {
      while (at < text.size() && text[at] != '\n') ++at;
    } else if (c == '"' || c == '\'') {
      at = skip_string(text, at);
    } else if (is_word(c) || c == '.') {
      const std::size_t end = at + number_or_word(text.substr(at)).size();
      const std::string_view word = text.substr(at, end - at);
      if (word.size() > 1 && c == '0' && word.find_first_not_of("0123456789") == std::string_view::npos) return at;
      at = end - 1;
    }
  }
  return text.size();
}

std::string octal_complaint(std::string_view text, std::size_t at) {
  return "expected a number without leading zeros, found " + std::string(number_or_word(text.substr(at)));
}

std::size_t offset_of(std::string_view text, int line, int column) {
  constexpr int tab_width = 8;  // of google::protobuf::io::Tokenizer
  std::size_t at = 0;
  for (int skipped = 0; skipped < line; ++skipped) {
    const std::size_t newline = text.find('\n', at);
    if (newline == std::string_view::npos) return text.size();
    at = newline + 1;
  }
  for (int passed = 0; passed < column && at < text.size() && text[at] != '\n'; ++at)
    passed += text[at] == '\t' ? tab_width - passed % tab_width : 1;
  return at;
}

Explanation explain(const FirstError& error, std::string_view text, const Descriptor& root,
                    const std::vector<std::string>& base) {
  const std::string& said = error.text;
  const Scene scene{text, offset_of(text, error.line, error.column), root, base};
  if (const std::size_t at = said.find("has no field named"); at != std::string::npos)
    return about_name(scene, quoted(said, at), "unknown");
  if (said.starts_with("Non-repeated field"))
    return about_name(scene, quoted(said), "is written twice; keep one of them");
  if (said.starts_with("Field \"") && said.find("another member of oneof") != std::string::npos) {
    const std::size_t other = said.find("along with field");
    return about_name(scene, quoted(said),
                      "excludes " + quoted(said, other) + ", which is written too; keep one of them");
  }
  if (said.starts_with("Unknown enumeration value of") || said.starts_with("Invalid value for boolean field")) {
    const std::size_t word = said.starts_with("Unknown") ? 0 : said.find("Value:");
    return about_value(scene, value_before(text, scene.offset, quoted(said, word)), plain(said));
  }
  const bool about_a_value = said.starts_with("Expected ") || said.starts_with("Integer out of range") ||
                             said.starts_with("Invalid float number");
  const bool brace = said.starts_with("Expected \"{\"");
  if (about_a_value && (brace || is_value(text, scene.offset, position_at(text, scene.offset, base).lists))) {
    std::size_t at = scene.offset;
    while (at > 0 && text[at - 1] == '-') --at;
    return about_value(scene, at, plain(said));
  }
  if (said.starts_with("Expected identifier"))
    return {scene.offset, "expected the name of a field, found " + found_at(text, scene.offset) +
                              (scene.offset >= text.size() ? "; is a } missing?" : "")};
  return {scene.offset, plain(said)};
}

}  // namespace trireme::launcher
