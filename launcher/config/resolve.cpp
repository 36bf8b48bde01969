#include "launcher/config/resolve.h"

#include <google/protobuf/descriptor.h>

#include <filesystem>

#include "launcher/config/resolve_gan.h"
#include "models/gpt/gpt.h"
#include "models/llama/llama.h"

namespace trireme::launcher {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void write_default(Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: reflection.SetInt32(&message, &field, field.default_value_int32()); break;
    case FieldDescriptor::CPPTYPE_INT64: reflection.SetInt64(&message, &field, field.default_value_int64()); break;
    case FieldDescriptor::CPPTYPE_UINT32: reflection.SetUInt32(&message, &field, field.default_value_uint32()); break;
    case FieldDescriptor::CPPTYPE_UINT64: reflection.SetUInt64(&message, &field, field.default_value_uint64()); break;
    case FieldDescriptor::CPPTYPE_FLOAT: reflection.SetFloat(&message, &field, field.default_value_float()); break;
    case FieldDescriptor::CPPTYPE_DOUBLE: reflection.SetDouble(&message, &field, field.default_value_double()); break;
    case FieldDescriptor::CPPTYPE_BOOL: reflection.SetBool(&message, &field, field.default_value_bool()); break;
    case FieldDescriptor::CPPTYPE_ENUM: reflection.SetEnum(&message, &field, field.default_value_enum()); break;
    case FieldDescriptor::CPPTYPE_STRING: reflection.SetString(&message, &field, field.default_value_string()); break;
    case FieldDescriptor::CPPTYPE_MESSAGE: break;
  }
}

void write_defaults(Message& message) {
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.is_repeated()) continue;
    const bool present = reflection.HasField(message, &field);
    if (field.containing_oneof() && !present) continue;
    if (field.message_type())
      write_defaults(*reflection.MutableMessage(&message, &field));
    else if (!present && (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING || field.has_default_value()))
      write_default(message, field);  // a text without a default stays away: empty is not one of its values
  }
}

// What the tokenizer needs, where the job leaves it open.
template <class Model>
void resolve_vocabulary(Model& model, const job::Data& data) {
  constexpr std::int64_t bytes = 256, padded_bpe = 50304;
  const bool bytes_alone = (data.has_text() && data.text().tokenizer() == job::Text::byte) ||
                           (data.has_texts() && data.texts().tokenizer() == job::Text::byte);
  if (model.vocabulary() == 0) model.set_vocabulary(bytes_alone ? bytes : padded_bpe);
}

void resolve_sizes(job::Gpt& gpt, const job::Data& data) {
  if (gpt.has_preset() && !gpt.preset().empty()) {
    const models::GptConfig preset = models::gpt_preset(gpt.preset());
    if (!gpt.has_layers()) gpt.set_layers(preset.layers);
    if (!gpt.has_heads()) gpt.set_heads(preset.heads);
    if (!gpt.has_width()) gpt.set_width(preset.width);
    if (!gpt.has_sequence()) gpt.set_sequence(preset.sequence);
    if (!gpt.has_vocabulary()) gpt.set_vocabulary(preset.vocabulary);
  }
  resolve_vocabulary(gpt, data);
}

void resolve_sizes(job::Llama& llama, const job::Data& data) {
  if (llama.has_preset() && !llama.preset().empty()) {
    const models::LlamaConfig preset = models::llama_preset(llama.preset());
    if (!llama.has_layers()) llama.set_layers(preset.layers);
    if (!llama.has_heads()) llama.set_heads(preset.heads);
    if (!llama.has_kv_heads()) llama.set_kv_heads(preset.kv_heads);
    if (!llama.has_width()) llama.set_width(preset.width);
    if (!llama.has_hidden()) llama.set_hidden(preset.hidden);
    if (!llama.has_sequence()) llama.set_sequence(preset.sequence);
    if (!llama.has_vocabulary()) llama.set_vocabulary(preset.vocabulary);
    if (!llama.has_rotary_base()) llama.set_rotary_base(preset.rotary_base);
  }
  resolve_vocabulary(llama, data);
}

}  // namespace

bool has_validation_files(const job::Data& data) {
  const job::Images& images = data.images();
  return !images.idx().validation_images().empty() || images.cifar().validation_size() > 0 ||
         !images.folder().validation().empty();
}

void resolve(job::Job& job, const std::string& job_file) {
  if (job.run_dir().empty()) {
    std::string name = std::filesystem::path(job_file).stem().string();
    job.set_run_dir("runs/" + (name.empty() ? "job" : name));
  }
  if (job.model().has_gpt()) resolve_sizes(*job.mutable_model()->mutable_gpt(), job.data());
  if (job.model().has_llama()) resolve_sizes(*job.mutable_model()->mutable_llama(), job.data());
  if (job.model().has_recurrent()) resolve_vocabulary(*job.mutable_model()->mutable_recurrent(), job.data());
  if (job.model().has_text_classifier())
    resolve_vocabulary(*job.mutable_model()->mutable_text_classifier(), job.data());
  if (job.optimizer().rule_case() == job::Optimizer::RULE_NOT_SET) job.mutable_optimizer()->mutable_adamw();
  if (job.schedule().kind_case() == job::Schedule::KIND_NOT_SET) job.mutable_schedule()->mutable_constant();
  if (job.model().has_gan()) resolve_gan(job);
  if (has_validation_files(job.data()) && !job.data().split().has_validation())
    job.mutable_data()->mutable_split()->set_validation(0.0);
  write_defaults(job);
}

}  // namespace trireme::launcher
