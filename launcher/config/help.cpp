#include <google/protobuf/descriptor.h>

#include <charconv>
#include <map>
#include <sstream>
#include <vector>

#include "launcher/config/config.h"
#include "launcher/config/schema.h"

namespace trireme::launcher {

extern const char* const job_source;  // the text of job.proto

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr std::size_t text_width = 100;

struct Comment {
  std::string above, beside;
};

// The comments of job.proto by what they describe: "Gpt.layers", "Initialiser.Kind.normal", "Activation.gelu". Reads
// that file's own layout, one declaration per line; the descriptor in the program has no comments.
class Comments {
 public:
  Comments() {
    std::istringstream lines(job_source);
    for (std::string line; std::getline(lines, line);) read(line);
  }

  const Comment& of(const std::string& name) const {
    const auto found = comments_.find(name);
    return found == comments_.end() ? none_ : found->second;
  }

 private:
  void read(const std::string& line) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string::npos) return pending_.clear();
    if (line.compare(begin, 2, "//") == 0) {
      pending_ += line.substr(begin + 2);
      return;
    }
    const std::size_t beside = line.find(" // ");
    const std::string code = line.substr(begin, beside == std::string::npos ? beside : beside - begin);
    const std::size_t equals = code.find(" = ");
    if (code.ends_with("{") && equals == std::string::npos) {
      const std::size_t space = code.find(' ');
      const bool named = !code.starts_with("oneof");  // a oneof gives its fields no name of its own
      scope_.push_back(named ? code.substr(space + 1, code.find(' ', space + 1) - space - 1) + '.' : "");
    } else if (code == "}" && !scope_.empty()) {
      scope_.pop_back();
    } else if (equals != std::string::npos && !scope_.empty()) {
      std::string name;
      for (const std::string& part : scope_) name += part;
      const std::size_t space = code.rfind(' ', equals - 1);
      name += code.substr(space == std::string::npos ? 0 : space + 1,
                          equals - (space == std::string::npos ? 0 : space + 1));
      comments_[name] = {pending_, beside == std::string::npos ? "" : line.substr(beside + 4)};
    }
    pending_.clear();
  }

  std::vector<std::string> scope_;
  std::string pending_;
  std::map<std::string, Comment> comments_;
  Comment none_;
};

template <class T>
std::string text_of(T value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return {digits, end};
}

std::string quoted(const std::string& value) {
  std::string text = "\"";
  for (const char c : value) text += c == '\n' ? std::string("\\n") : std::string(1, c);
  return text + '"';
}

std::string default_of(const FieldDescriptor& field) {
  if (field.is_repeated()) return "[]";
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return text_of(field.default_value_int32());
    case FieldDescriptor::CPPTYPE_INT64: return text_of(field.default_value_int64());
    case FieldDescriptor::CPPTYPE_UINT32: return text_of(field.default_value_uint32());
    case FieldDescriptor::CPPTYPE_UINT64: return text_of(field.default_value_uint64());
    case FieldDescriptor::CPPTYPE_FLOAT: return text_of(field.default_value_float());
    case FieldDescriptor::CPPTYPE_DOUBLE: return text_of(field.default_value_double());
    case FieldDescriptor::CPPTYPE_BOOL: return field.default_value_bool() ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM: return field.default_value_enum()->name();
    case FieldDescriptor::CPPTYPE_STRING: return quoted(field.default_value_string());
    case FieldDescriptor::CPPTYPE_MESSAGE: return {};
  }
  return {};
}

std::string wrapped(const std::string& text, const std::string& margin) {
  std::istringstream words(text);
  std::string lines, line;
  for (std::string word; words >> word;) {
    if (!line.empty() && margin.size() + line.size() + 1 + word.size() > text_width) {
      lines += margin + line + '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return line.empty() ? lines : lines + margin + line + '\n';
}

class Page {
 public:
  std::string print() {
    add(*job::Job::descriptor(), "");
    return text_;
  }

 private:
  // "trireme.job.Gpt.layers" -> "Gpt.layers"
  static std::string short_name(const std::string& full_name) {
    return full_name.substr(job::Job::descriptor()->file()->package().size() + 1);
  }

  std::string values(const google::protobuf::EnumDescriptor& type, const std::string& margin) const {
    std::string lines, names;
    for (int i = 0; i < type.value_count(); ++i) {
      const std::string& meaning = comments_.of(short_name(type.full_name()) + '.' + type.value(i)->name()).beside;
      names += (i ? ", " : "") + type.value(i)->name();
      if (!meaning.empty()) lines += wrapped(type.value(i)->name() + ": " + meaning, margin + "  ");
    }
    return lines.empty() ? wrapped("one of " + names, margin) : lines;
  }

  void add(const Descriptor& message, const std::string& prefix) {
    for (int i = 0; i < message.field_count(); ++i) {
      const FieldDescriptor& field = *message.field(i);
      const std::string path = prefix + field.name(), margin = "      ";
      const std::string& meaning = comments_.of(short_name(field.full_name())).above;
      if (field.message_type()) {
        text_ += '\n' + path + " { }\n" + wrapped(meaning, "    ");
        add(*field.message_type(), path + '.');
        continue;
      }
      const job::Limits& limits = field.options().GetExtension(job::limits);
      text_ +=
          "  " + path + ": " + default_of(field) + (limits.unit().empty() ? "" : "  (" + limits.unit() + ")") + '\n';
      text_ += wrapped(meaning, margin);
      if (field.enum_type())
        text_ += values(*field.enum_type(), margin);
      else if (!describe_limits(field).empty() || limits.one_of_size() > 0)
        text_ += wrapped(describe_type(field), margin);
    }
  }

  Comments comments_;
  std::string text_;
};

}  // namespace

std::string job_help() {
  return Page().print();
}

}  // namespace trireme::launcher
