#include "launcher/config/schema.h"

#include <charconv>
#include <cmath>

#include "launcher/config/job.pb.h"
#include "launcher/config/suggest.h"

namespace trireme::launcher {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string number(double value) {
  if (std::abs(value) < 1e16 && value == std::floor(value)) return std::to_string(static_cast<long long>(value));
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return {digits, end};
}

// Where in the job a field of this name is: "model.gpt"; "." for the top level; empty if nowhere or in several places.
void find_homes(const std::string& name, const Descriptor& message, const std::string& path,
                std::vector<std::string>& homes) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    if (field.name() == name) homes.push_back(path.empty() ? "the top level" : path);
    if (field.message_type())
      find_homes(name, *field.message_type(), path + (path.empty() ? "" : ".") + field.name(), homes);
  }
}

}  // namespace

std::vector<std::string> field_names(const Descriptor& message) {
  std::vector<std::string> names;
  for (int i = 0; i < message.field_count(); ++i) names.push_back(message.field(i)->name());
  return names;
}

const Descriptor* message_at(const Descriptor& root, const std::vector<std::string>& path) {
  const Descriptor* message = &root;
  for (const std::string& name : path) {
    const FieldDescriptor* field = message ? message->FindFieldByName(name) : nullptr;
    message = field ? field->message_type() : nullptr;
  }
  return message;
}

std::string describe_limits(const FieldDescriptor& field) {
  const job::Limits& limits = field.options().GetExtension(job::limits);
  std::string text;
  const auto add = [&](bool has, const char* words, double value) {
    if (has) text += (text.empty() ? "" : " and ") + std::string(words) + ' ' + number(value);
  };
  if (limits.has_at_least() && limits.has_at_most())
    text = "from " + number(limits.at_least()) + " to " + number(limits.at_most());
  else
    add(limits.has_at_least(), "of at least", limits.at_least());
  add(limits.has_above(), "above", limits.above());
  add(limits.has_below(), "below", limits.below());
  if (!limits.has_at_least()) add(limits.has_at_most(), "of at most", limits.at_most());
  return text;
}

std::string describe_type(const FieldDescriptor& field) {
  const job::Limits& limits = field.options().GetExtension(job::limits);
  std::string limit = describe_limits(field);
  if (!limit.empty()) limit.insert(0, " ");
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64: return "a whole number" + limit;
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64: return "a whole number of at least 0" + limit;
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE: return "a number" + limit;
    case FieldDescriptor::CPPTYPE_BOOL: return "true or false";
    case FieldDescriptor::CPPTYPE_ENUM: {
      std::vector<std::string> names;
      for (int i = 0; i < field.enum_type()->value_count(); ++i) names.push_back(field.enum_type()->value(i)->name());
      return "one of " + joined(names);
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      if (limits.one_of_size() == 0) return "a string in quotes";
      std::vector<std::string> names;
      for (const std::string& name : limits.one_of()) names.push_back('"' + name + '"');
      return "one of " + joined(names);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const std::vector<std::string> names = field_names(*field.message_type());
      return names.empty() ? "{ }" : "{ ... } with fields " + joined(names);
    }
  }
  return "a value";
}

std::string describe_unknown(std::string_view name, const Descriptor& message, const Descriptor& root) {
  const std::vector<std::string> names = field_names(message);
  std::string text = "has no field \"" + std::string(name) + '"';
  if (const std::string near = nearest_name(name, names); !near.empty())
    return text + "; did you mean \"" + near + "\"?";
  std::vector<std::string> homes;
  find_homes(std::string(name), root, "", homes);
  constexpr std::size_t most = 4;  // that are worth naming
  if (!homes.empty() && homes.size() <= most) {
    text += "; it belongs in ";
    for (std::size_t i = 0; i < homes.size(); ++i)
      text += (i == 0 ? "" : i + 1 == homes.size() ? " or " : ", ") + homes[i];
    return text;
  }
  return text + (names.empty() ? "; it has no fields" : "; its fields are " + joined(names));
}

}  // namespace trireme::launcher
