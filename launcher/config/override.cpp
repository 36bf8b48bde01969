#include "launcher/config/override.h"

#include <google/protobuf/text_format.h>

#include <charconv>
#include <memory>
#include <vector>

#include "launcher/config/schema.h"
#include "launcher/config/text_errors.h"
#include "runtime/base/error.h"

namespace trireme::launcher {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::TextFormat;

struct Step {
  std::string name;
  int index = -1;          // [index], or -1
  std::size_t offset = 0;  // in the text of the --set
};

[[noreturn]] void refuse(const std::string& set, std::size_t offset, const std::string& message) {
  TextPlace place = place_in("--set", set, offset);
  place.line = -1;
  throw Error(placed_message(place, message));
}

int parse_index(const std::string& set, std::size_t begin, std::size_t end) {
  int index = -1;
  const auto [stop, error] = std::from_chars(set.data() + begin, set.data() + end, index);
  if (error != std::errc{} || stop != set.data() + end || index < 0)
    refuse(set, begin,
           "expected a whole number of at least 0 between [ and ], found \"" + set.substr(begin, end - begin) + '"');
  return index;
}

std::vector<Step> parse_path(const std::string& set, std::size_t equals) {
  std::vector<Step> path;
  for (std::size_t begin = 0; begin <= equals;) {
    const std::size_t end = std::min(set.find('.', begin), equals);
    Step step{.name = set.substr(begin, end - begin), .offset = begin};
    if (const std::size_t bracket = step.name.find('['); bracket != std::string::npos) {
      if (step.name.back() != ']') refuse(set, end, "expected ] here");
      step.index = parse_index(set, begin + bracket + 1, end - 1);
      step.name.resize(bracket);
    }
    if (step.name.empty())
      refuse(set, begin, "expected the name of a field here, as in --set optimizer.adamw.beta1=0.9");
    path.push_back(step);
    begin = end + 1;
  }
  return path;
}

std::string dotted(const std::vector<Step>& path, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += (i ? "." : "") + path[i].name;
    if (path[i].index >= 0) text += '[' + std::to_string(path[i].index) + ']';
  }
  return text;
}

const FieldDescriptor& field_of(const std::string& set, const Message& message, const std::vector<Step>& path,
                                std::size_t at) {
  const Descriptor& type = *message.GetDescriptor();
  const FieldDescriptor* field = type.FindFieldByName(path[at].name);
  if (!field)
    refuse(
        set, path[at].offset,
        (at == 0 ? "a job" : dotted(path, at)) + ' ' + describe_unknown(path[at].name, type, *job::Job::descriptor()));
  const bool last = at + 1 == path.size();
  if (!last && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)
    refuse(set, path[at + 1].offset, dotted(path, at + 1) + " has no fields: it is " + describe_type(*field));
  if (path[at].index >= 0 && !field->is_repeated())
    refuse(set, path[at].offset, dotted(path, at) + (at ? "." : "") + path[at].name + " is not a list");
  if (path[at].index >= 0 && path[at].index >= message.GetReflection()->FieldSize(message, field))
    refuse(set, path[at].offset,
           dotted(path, at + 1) + " is not there: the list has " +
               std::to_string(message.GetReflection()->FieldSize(message, field)) + " elements");
  return *field;
}

// The message that holds the last field of the path.
Message& descend(job::Job& job, const std::string& set, const std::vector<Step>& path) {
  Message* message = &job;
  for (std::size_t at = 0; at + 1 < path.size(); ++at) {
    const FieldDescriptor& field = field_of(set, *message, path, at);
    const Reflection& reflection = *message->GetReflection();
    if (const auto* choice = field.containing_oneof(); choice && reflection.HasOneof(*message, choice)) {
      const FieldDescriptor& chosen = *reflection.GetOneofFieldDescriptor(*message, choice);
      if (const Descriptor& type = *field.message_type(); !type.FindFieldByName(path[at + 1].name))
        refuse(set, path[at + 1].offset,
               dotted(path, at + 1) + ' ' + describe_unknown(path[at + 1].name, type, *job::Job::descriptor()));
      if (&chosen != &field)
        refuse(set, path[at].offset,
               dotted(path, at + 1) + " is not in this job, which has " + chosen.name() +
                   " instead; to change over, write --set " + dotted(path, at + 1) + "={} first");
    }
    if (field.is_repeated()) {
      if (path[at].index < 0)
        refuse(set, path[at].offset, dotted(path, at + 1) + " is a list; say which: " + path[at].name + "[0]");
      message = reflection.MutableRepeatedMessage(message, &field, path[at].index);
    } else {
      message = reflection.MutableMessage(message, &field);
    }
  }
  return *message;
}

// A string may be written without quotes; they are added here.
std::string as_file_text(const FieldDescriptor& field, const std::string& value) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) return value;
  const bool written = !value.empty() &&
                       (value.front() == '"' || value.front() == '\'' || (field.is_repeated() && value.front() == '['));
  if (written) return value;
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    if (c == '\n')
      text += "\\n";
    else
      text += c;
  }
  return text + '"';
}

// Parses "name: value" into an empty message of the parent's type, in which it must be the only field.
std::unique_ptr<Message> parse_value(const Message& parent, const FieldDescriptor& field, const std::string& set,
                                     const std::vector<Step>& path) {
  const std::size_t begin = set.find('=') + 1;
  const std::string value = as_file_text(field, set.substr(begin));
  const std::string head = field.name() + ": ";
  const std::string text = head + value;
  if (const std::size_t octal = find_octal(text); octal < text.size())
    refuse(set, begin + octal - head.size(), dotted(path, path.size()) + ": " + octal_complaint(text, octal));
  std::unique_ptr<Message> parsed(parent.New());
  FirstError error;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  const bool good = parser.ParseFromString(text, parsed.get());
  std::vector<const FieldDescriptor*> fields;
  parsed->GetReflection()->ListFields(*parsed, &fields);
  const std::string where = dotted(path, path.size());
  if (set.find_first_not_of(" \t", begin) == std::string::npos && field.cpp_type() != FieldDescriptor::CPPTYPE_STRING)
    refuse(set, set.size(), where + ": expected " + describe_type(field) + ", found nothing");
  if (!good) {
    std::vector<std::string> base;
    for (std::size_t at = 0; at + 1 < path.size(); ++at) base.push_back(path[at].name);
    const Explanation explained = explain(error, text, *job::Job::descriptor(), base);
    const std::size_t inside = explained.offset < head.size() ? 0 : explained.offset - head.size();
    refuse(set, std::min(begin + inside, set.size()), explained.message);
  }
  const bool empty_list = fields.empty() && field.is_repeated();
  if (!empty_list && (fields.size() != 1 || fields.front() != &field))
    refuse(set, begin, where + ": expected one value, " + describe_type(field));
  return parsed;
}

}  // namespace

void apply_set(job::Job& job, const std::string& set, Origins& origins) {
  const std::size_t equals = set.find('=');
  if (equals == std::string::npos) refuse(set, set.size(), "expected path.to.key=value, found no =");
  const std::vector<Step> path = parse_path(set, equals);
  Message& message = descend(job, set, path);
  const FieldDescriptor& field = field_of(set, message, path, path.size() - 1);
  const Reflection& reflection = *message.GetReflection();
  const std::unique_ptr<Message> value = parse_value(message, field, set, path);
  const int index = path.back().index;
  if (index >= 0) {
    if (reflection.FieldSize(*value, &field) != 1)
      refuse(set, equals + 1, dotted(path, path.size()) + ": expected one value");
    const int size = reflection.FieldSize(message, &field);
    message.MergeFrom(*value);
    reflection.SwapElements(&message, &field, index, size);
    reflection.RemoveLast(&message, &field);
  } else {
    reflection.ClearField(&message, &field);
    message.MergeFrom(*value);
  }
  const std::string name = dotted(path, path.size());
  origins.forget(name);
  TextPlace place = place_in("--set", set, equals + 1);
  place.line = -1;
  origins.record(name, place);
}

}  // namespace trireme::launcher
