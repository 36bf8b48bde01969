#include "launcher/config/config.h"

#include <google/protobuf/text_format.h>

#include "launcher/config/check.h"
#include "launcher/config/override.h"
#include "launcher/config/resolve.h"
#include "launcher/config/text_errors.h"
#include "runtime/base/file.h"

namespace trireme::launcher {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

constexpr std::int64_t largest_job = 1 << 20;  // bytes; a job is a page

std::string read_job(const std::string& path) {
  std::string text = InputFile("job", path).read_all(largest_job);
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    throw Error(path + ": expected UTF-8, found UTF-16; save the file as UTF-8");
  for (const char c : text)
    if ((c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
      throw Error(path + ": expected a job in Protobuf text format, found a file that is not text");
  return text;
}

// Where the value begins whose field's name begins at `name`; the name itself where the value is on another line.
std::size_t value_offset(std::string_view text, std::size_t name) {
  std::size_t at = text.find_first_of(": \t\r\n{[<", name);
  while (at != std::string_view::npos && at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == ':'))
    ++at;
  return at == std::string_view::npos || at >= text.size() || text[at] == '\n' || text[at] == '\r' ? name : at;
}

class Recorder {
 public:
  Recorder(const std::string& path, std::string_view text, Origins& origins)
      : path_(path), text_(text), origins_(origins) {}

  void record(const Message& message, const TextFormat::ParseInfoTree& tree, const std::string& prefix) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      const std::string name = prefix + field->name();
      if (field->is_repeated()) {
        for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i)
          note(name + '[' + std::to_string(i) + ']', location_of(tree, *field, i));
        continue;
      }
      note(name, tree.GetLocation(field, -1));
      const TextFormat::ParseInfoTree* nested = field->message_type() ? tree.GetTreeForNested(field, -1) : nullptr;
      if (nested) record(message.GetReflection()->GetMessage(message, field), *nested, name + '.');
    }
  }

 private:
  // The elements of "[a, b]" have one place, that of the first.
  static TextFormat::ParseLocation location_of(const TextFormat::ParseInfoTree& tree, const FieldDescriptor& field,
                                               int index) {
    const TextFormat::ParseLocation own = tree.GetLocation(&field, index);
    return own.line < 0 ? tree.GetLocation(&field, 0) : own;
  }

  void note(const std::string& field, const TextFormat::ParseLocation& location) {
    if (location.line < 0) return;
    const std::size_t name = offset_of(text_, location.line, location.column);
    origins_.record(field, place_in(path_, text_, value_offset(text_, name)));
  }

  const std::string& path_;
  std::string_view text_;
  Origins& origins_;
};

job::Job parse_job(const std::string& path, const std::string& text, Origins& origins) {
  job::Job job;
  FirstError error;
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&tree);
  parser.SetRecursionLimit(32);
  if (const std::size_t octal = find_octal(text); octal < text.size())
    throw Error(placed_message(place_in(path, text, octal), octal_complaint(text, octal)));
  if (!parser.ParseFromString(text, &job)) {
    const Explanation explained = explain(error, text, *job::Job::descriptor(), {});
    throw Error(placed_message(place_in(path, text, explained.offset), explained.message));
  }
  Recorder(path, text, origins).record(job, tree, "");
  return job;
}

}  // namespace

job::Job load_job(const std::string& path, std::span<const std::string> sets, Origins* origins) {
  return load_job_text(path, read_job(path), sets, origins);
}

job::Job load_job_text(const std::string& path, const std::string& text, std::span<const std::string> sets,
                       Origins* origins) {
  Origins places(path);
  job::Job job = parse_job(path, text, places);
  for (const std::string& set : sets) apply_set(job, set, places);
  check_limits(job, places);
  resolve(job, path);
  check_meaning(job, places);
  if (origins) *origins = std::move(places);
  return job;
}

std::string resolved_text(const job::Job& job) {
  std::string text;
  TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  printer.PrintToString(job, &text);
  return text;
}

}  // namespace trireme::launcher
