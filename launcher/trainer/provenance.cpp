#include "launcher/trainer/provenance.h"

#include <google/protobuf/descriptor.h>

#include <vector>

#include "runtime/base/checksum.h"

namespace trireme::launcher {
namespace {

constexpr const char* data_key = "data.fingerprint";
constexpr const char* precision_key = "precision.compute";

std::string found(const store::Metadata& metadata, const std::string& key) {
  const auto entry = metadata.find(key);
  return entry == metadata.end() ? "unknown" : entry->second;
}

// A model without what belongs to its training alone.
std::string architecture(const job::Job& job) {
  job::Model model = job.model();
  const google::protobuf::Reflection& choices = *model.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> chosen;
  choices.ListFields(model, &chosen);
  for (const google::protobuf::FieldDescriptor* one : chosen) {
    if (one->message_type() == nullptr) continue;
    google::protobuf::Message& of_kind = *choices.MutableMessage(&model, one);
    for (const char* name : {"preset", "dropout", "initialiser", "generator", "discriminator"})
      if (const auto* field = one->message_type()->FindFieldByName(name))
        of_kind.GetReflection()->ClearField(&of_kind, field);
  }
  return model.ShortDebugString();
}

}  // namespace

store::Metadata provenance(const job::Job& job, std::uint64_t fingerprint) {
  return {{"job", resolved_text(job)},
          {data_key, to_hex(fingerprint)},
          {"data.order", job::Data::Order_Name(job.data().order())},
          {"seed", std::to_string(job.seed())},
          {"batch.global", std::to_string(job.batch().global())},
          {precision_key, job::Precision::Compute_Name(job.precision().compute())}};
}

std::string check_provenance(const store::CheckpointReader& checkpoint, const store::Metadata& now, bool allowed) {
  const store::Metadata& then = checkpoint.metadata();
  std::string changed;
  for (const char* key : {"batch.global", "data.order", "seed"})
    if (found(then, key) != found(now, key))
      changed +=
          (changed.empty() ? "" : ", ") + std::string(key) + " was " + found(then, key) + " and is " + found(now, key);
  // The order and the seed choose the samples that a fingerprint is made of.
  const bool comparable =
      found(then, "data.order") == found(now, "data.order") && found(then, "seed") == found(now, "seed");
  if (comparable && found(then, data_key) != found(now, data_key))
    changed += std::string(changed.empty() ? "" : ", ") + "the training data are others (fingerprint " +
               found(then, data_key) + ", now " + found(now, data_key) + ")";
  if (!changed.empty() && !allowed)
    fail("resume", checkpoint.path() + ": since it was saved,", changed,
         "- its place in the data means nothing now; resume with what it was trained on, or go on nevertheless with "
         "--set checkpoint.allow_changed_data=true");
  if (found(then, precision_key) != found(now, precision_key))
    changed += (changed.empty() ? "" : ", ") + std::string(precision_key) + " was " + found(then, precision_key) +
               " and is " + found(now, precision_key);
  return changed;
}

std::string check_model(const store::CheckpointReader& checkpoint, const job::Job& now) {
  const auto text = checkpoint.metadata().find("job");
  if (text == checkpoint.metadata().end()) return {};
  const std::string was = architecture(load_job_text(checkpoint.path() + " (its job)", text->second));
  const std::string is = architecture(now);
  if (was == is) return {};
  const std::string change = "the model was { " + was + " } and is { " + is + " }";
  if (!now.checkpoint().allow_changed_data())
    fail("resume", checkpoint.path() + ": since it was saved,", change,
         "- give it the model that it was trained as, or go on nevertheless with "
         "--set checkpoint.allow_changed_data=true");
  return change;
}

}  // namespace trireme::launcher
