#include "launcher/config/check.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "launcher/config/check_gan.h"
#include "launcher/config/kinds.h"
#include "launcher/config/needs.h"
#include "launcher/config/resolve.h"
#include "launcher/config/schema.h"
#include "launcher/config/suggest.h"
#include "runtime/data/utf8.h"

namespace trireme::launcher {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

template <class T>
std::string text_of(T value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return {digits, end};
}

struct Number {
  double value = 0.0;
  std::string text;
};

template <class T>
Number number_of(T value) {
  return {static_cast<double>(value), text_of(value)};
}

// Element `index` of a list, or the field itself with index -1.
bool read_number(const Message& message, const FieldDescriptor& field, int index, Number& number) {
  const Reflection& r = *message.GetReflection();
  const bool list = index >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      number = number_of(list ? r.GetRepeatedInt32(message, &field, index) : r.GetInt32(message, &field));
      return true;
    case FieldDescriptor::CPPTYPE_INT64:
      number = number_of(list ? r.GetRepeatedInt64(message, &field, index) : r.GetInt64(message, &field));
      return true;
    case FieldDescriptor::CPPTYPE_FLOAT:
      number = number_of(list ? r.GetRepeatedFloat(message, &field, index) : r.GetFloat(message, &field));
      return true;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      number = number_of(list ? r.GetRepeatedDouble(message, &field, index) : r.GetDouble(message, &field));
      return true;
    default: return false;
  }
}

bool within(const job::Limits& limits, double value) {
  return std::isfinite(value) && (!limits.has_above() || value > limits.above()) &&
         (!limits.has_at_least() || value >= limits.at_least()) && (!limits.has_below() || value < limits.below()) &&
         (!limits.has_at_most() || value <= limits.at_most());
}

void check_choice(const FieldDescriptor& field, const std::string& value, const std::string& path,
                  const Origins& origins) {
  const job::Limits& limits = field.options().GetExtension(job::limits);
  if (limits.one_of_size() == 0) return;
  const std::vector<std::string> names(limits.one_of().begin(), limits.one_of().end());
  for (const std::string& name : names)
    if (name == value) return;
  const std::string near = nearest_name(value, names);
  origins.fail(path, "expected " + describe_type(field) + ", found \"" + value + '"' +
                         (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
}

void check_value(const Message& message, const FieldDescriptor& field, int index, const std::string& path,
                 const Origins& origins) {
  Number number;
  if (read_number(message, field, index, number)) {
    if (!within(field.options().GetExtension(job::limits), number.value))
      origins.fail(path, "expected " + describe_type(field) + ", found " + number.text);
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    const Reflection& r = *message.GetReflection();
    const std::string text = index < 0 ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index);
    // A checkpoint keeps the job, and its manifest is JSON.
    if (data::valid_prefix(text) < text.size()) origins.fail(path, "expected text in UTF-8, found other bytes");
    if (index < 0) check_choice(field, text, path, origins);
  }
}

void check_message(const Message& message, const std::string& prefix, const Origins& origins) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string path = prefix + field->name();
    if (field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i)
        check_value(message, *field, i, path + '[' + std::to_string(i) + ']', origins);
    } else if (field->message_type()) {
      check_message(reflection.GetMessage(message, field), path + '.', origins);
    } else {
      check_value(message, *field, -1, path, origins);
    }
  }
}

// Of two fields that disagree, the one to point at: a default cannot be pointed at.
const char* written_one(const char* first, const char* second, const Origins& origins) {
  return origins.knows(first) || !origins.knows(second) ? first : second;
}

void check_llama(const job::Llama& llama, const Origins& origins) {
  if (llama.width() % (2 * llama.heads()) != 0)
    origins.fail(written_one("model.llama.heads", "model.llama.width", origins),
                 "expected heads of an even width; " + text_of(llama.width()) + " is not a multiple of twice " +
                     text_of(llama.heads()));
  if (llama.heads() % llama.kv_heads() != 0)
    origins.fail(written_one("model.llama.kv_heads", "model.llama.heads", origins),
                 "expected heads in equal groups; " + text_of(llama.heads()) + " is not a multiple of " +
                     text_of(llama.kv_heads()));
}

void check_model(const job::Job& job, const Origins& origins) {
  if (job.model().kind_case() == job::Model::KIND_NOT_SET)
    origins.fail("model", "expected a model; write model { gpt { } }, model { llama { } } or model { mlp { } }");
  constexpr int most_layers = 10000;  // as of the other models
  if (job.model().mlp().hidden_size() > most_layers)
    origins.fail("model.mlp.hidden", "expected at most " + text_of(most_layers) + " layers, found " +
                                         text_of(job.model().mlp().hidden_size()));
  if (job.model().has_llama()) check_llama(job.model().llama(), origins);
  if (job.model().has_gan()) check_gan(job, origins);
  if (job.model().has_autoencoder()) check_autoencoder(job, origins);
  if (!job.model().has_gpt()) return;
  const job::Gpt& gpt = job.model().gpt();
  if (gpt.width() % gpt.heads() != 0)
    origins.fail(written_one("model.gpt.heads", "model.gpt.width", origins),
                 "expected heads that divide the width; " + text_of(gpt.width()) + " is not a multiple of " +
                     text_of(gpt.heads()));
}

void check_text(const job::Text& text, const Origins& origins) {
  if (text.paths_size() == 0) origins.fail("data.text.paths", "expected at least one file or folder");
  for (int i = 0; i < text.paths_size(); ++i)
    if (text.paths(i).empty())
      origins.fail("data.text.paths[" + std::to_string(i) + ']', "expected a file or folder, found \"\"");
  for (int i = 0; i < text.extensions_size(); ++i)
    if (!text.extensions(i).starts_with('.'))
      origins.fail("data.text.extensions[" + std::to_string(i) + ']',
                   "expected a point and letters, as in \".txt\", found \"" + text.extensions(i) + '"');
  if (text.tokenizer() == job::Text::gpt2) {
    if (text.vocab().empty())
      origins.fail("data.text.vocab", "expected the path of vocab.json: the gpt2 tokenizer needs it");
    if (text.merges().empty())
      origins.fail("data.text.merges", "expected the path of merges.txt: the gpt2 tokenizer needs it");
  }
}

void check_images(const job::Images& images, const Origins& origins) {
  if (images.source_case() == job::Images::SOURCE_NOT_SET)
    origins.fail(
        "data.images",
        "expected a source; write images { drawn { } }, or one of idx, cifar, folder and masks with its files");
  if (images.has_cifar() && images.cifar().train_size() == 0)
    origins.fail("data.images.cifar.train", "expected at least one file");
  if (images.has_folder() && images.folder().train().empty())
    origins.fail("data.images.folder.train", "expected a folder");
  if (images.has_masks() && (images.masks().images().empty() || images.masks().masks().empty()))
    origins.fail(images.masks().images().empty() ? "data.images.masks.images" : "data.images.masks.masks",
                 "expected a folder");
  const std::int64_t channels =
      images.has_folder() ? images.folder().size().channels() : images.masks().size().channels();
  if (channels == 2)
    origins.fail(images.has_folder() ? "data.images.folder.size.channels" : "data.images.masks.size.channels",
                 "expected 1 or 3, found 2");
  if (images.skip_bad() && !images.has_folder() && !images.has_masks())
    origins.fail("data.images.skip_bad", "expected false: only files that are decoded one by one can be left out");
  if (images.has_idx()) {
    const job::Idx& idx = images.idx();
    if (idx.images().empty()) origins.fail("data.images.idx.images", "expected a file of pictures");
    if (idx.labels().empty()) origins.fail("data.images.idx.labels", "expected a file of labels");
    if (idx.validation_images().empty() != idx.validation_labels().empty())
      origins.fail(written_one("data.images.idx.validation_images", "data.images.idx.validation_labels", origins),
                   "expected both pictures and labels to validate on, or none of them");
  }
  if (images.mean_size() != images.deviation_size())
    origins.fail(images.mean_size() > 0 ? "data.images.mean" : "data.images.deviation",
                 "expected as many means as deviations, found " + text_of(images.mean_size()) + " and " +
                     text_of(images.deviation_size()));
  if (images.standardise() && images.mean_size() > 0)
    origins.fail("data.images.standardise", "expected false where data.images.mean is given");
}

void check_split(const job::Data& data, const Origins& origins) {
  const job::Split& split = data.split();
  if (has_validation_files(data) && (split.validation() > 0.0 || split.folds() > 0))
    origins.fail(split.folds() > 0 ? "data.split.folds" : "data.split.validation",
                 "expected 0, since there are files to validate on");
  if (split.validation() + split.test() >= 1.0)
    origins.fail(written_one("data.split.validation", "data.split.test", origins),
                 "expected fractions whose sum is below 1, found " + text_of(split.validation()) + " and " +
                     text_of(split.test()));
  if (split.folds() == 1) origins.fail("data.split.folds", "expected 0, or at least 2 folds, found 1");
  if (split.fold() >= std::max<std::int64_t>(split.folds(), 1))
    origins.fail("data.split.fold", "expected a fold below data.split.folds, which is " + text_of(split.folds()) +
                                        ", found " + text_of(split.fold()));
  if (split.stratified() && split.order() == job::Split::in_time)
    origins.fail("data.split.stratified", "expected false: what is split in time cannot be stratified");
}

// Whether anything about a split is not as it is by default.
bool changes(const job::Split& split) {
  const job::Split& usual = job::Split::default_instance();
  return split.validation() != usual.validation() || split.test() != usual.test() || split.order() != usual.order() ||
         split.stratified() || split.folds() != usual.folds();
}

// Whether the samples have classes or numbers to predict, which data.split and data.balance are for.
bool labelled(const job::Data& data) {
  return data.has_images() || data.has_table() || data.has_texts();
}

void check_table(const job::Job& job, const Origins& origins) {
  const job::Table& table = job.data().table();
  if (table.paths_size() == 0) origins.fail("data.table.paths", "expected at least one file");
  if (table.target().empty()) origins.fail("data.table.target", "expected the name of a column");
  if (table.separator().size() != 1)
    origins.fail("data.table.separator", "expected one character, found \"" + table.separator() + '"');
  const bool classes = table.kind() == job::Table::classes;
  if (job.model().has_mlp() && classes != (job.model().mlp().objective() == job::classification))
    origins.fail(written_one("model.mlp.objective", "data.table.kind", origins),
                 classes ? "expected classification, since data.table.kind is classes"
                         : "expected mse or mae, since data.table.kind is numbers");
  if (job.model().has_mlp() && !classes && job.model().mlp().classes() != 1)
    origins.fail("model.mlp.classes",
                 "expected 1, since the table has one number to tell, found " + text_of(job.model().mlp().classes()));
}

void check_texts(const job::Texts& texts, const Origins& origins) {
  if (texts.tokenizer() != job::Text::gpt2) return;
  if (texts.vocab().empty())
    origins.fail("data.texts.vocab", "expected the path of vocab.json: the gpt2 tokenizer needs it");
  if (texts.merges().empty())
    origins.fail("data.texts.merges", "expected the path of merges.txt: the gpt2 tokenizer needs it");
}

// Texts with classes and their model are for each other.
void check_text_classifier(const job::Job& job, const Origins& origins) {
  if (job.model().has_text_classifier() && !job.data().has_texts())
    origins.fail("data",
                 "expected data { texts { } } for model.text_classifier; this source gives no texts with classes");
  if (job.data().has_texts() && !job.model().has_text_classifier())
    origins.fail("data.texts", "expected model { text_classifier { } }, which tells the classes of texts");
  if (job.model().text_classifier().window() % 2 == 0)
    origins.fail("model.text_classifier.window",
                 "expected an odd number, found " + text_of(job.model().text_classifier().window()));
}

void check_data(const job::Job& job, const Origins& origins) {
  const job::Data& data = job.data();
  if (data.source_case() == job::Data::SOURCE_NOT_SET)
    origins.fail("data",
                 "expected a source; write data { text { ... } }, data { images { ... } }, data { shards { ... } } or "
                 "data { synthetic { } }");
  if (data.has_images()) check_images(data.images(), origins);
  if (data.has_table()) check_table(job, origins);
  if (data.has_texts()) check_texts(data.texts(), origins);
  check_text_classifier(job, origins);
  if (job.model().has_mlp() && job.model().mlp().objective() != job::classification && !data.has_table())
    origins.fail("model.mlp.objective", "expected classification, or data.table with numbers to tell");
  check_split(data, origins);
  if (changes(data.split()) && !labelled(data))
    origins.fail("data.split",
                 "expected images, a table or texts: this source has a way of its own to keep data for validation");
  if (data.balance() != job::as_is && !labelled(data))
    origins.fail("data.balance", "expected images, a table or texts: this source has no classes");
  if (data.has_text()) check_text(data.text(), origins);
  if (data.has_shards() && data.shards().train().empty())
    origins.fail("data.shards.train", "expected files to train on");
  if (speaks(job) && labelled(data))
    origins.fail(data.has_table() ? "data.table" : "data.images",
                 "expected tokens for this model; this source gives none");
  if (!speaks(job) && !job.model().has_mlp() && data.has_table())
    origins.fail("data.table", "expected images for this model; this source gives features");
  if (job.model().has_unet() && data.has_synthetic())
    origins.fail("data.synthetic", "expected images with masks for model.unet; this source gives labels");
  if (!speaks(job) && !data.has_synthetic() && !labelled(data))
    origins.fail(data.has_text() ? "data.text" : "data.shards",
                 std::string("expected ") +
                     (job.model().has_mlp() ? "features and labels for model.mlp" : "images for this model") +
                     "; this source gives tokens");
  if (!speaks(job)) return;
  const job::Model& model = job.model();
  std::int64_t vocabulary = model.gpt().vocabulary();
  const char* field = "model.gpt.vocabulary";
  if (model.has_llama()) {
    vocabulary = model.llama().vocabulary();
    field = "model.llama.vocabulary";
  } else if (model.has_recurrent()) {
    vocabulary = model.recurrent().vocabulary();
    field = "model.recurrent.vocabulary";
  }
  constexpr std::int64_t bytes = 256;  // how many tokens gpt2 has is in the files of its tokenizer
  const std::int64_t needed = data.has_text() && data.text().tokenizer() == job::Text::byte ? bytes : 1;
  if (vocabulary < needed)
    origins.fail(field,
                 "expected at least the tokenizer's " + text_of(needed) + " tokens, found " + text_of(vocabulary));
}

void check_parallel(const job::Job& job, const Origins& origins) {
  const job::Parallel& parallel = job.parallel();
  if (parallel.zero_ranks() > 0 && parallel.zero() == 0)
    origins.fail("parallel.zero_ranks", "expected 0 where parallel.zero is 0: there is nothing to divide; found " +
                                            text_of(parallel.zero_ranks()));
}

void check_device(const job::Job& job, const Origins& origins) {
  const bool on_gpu = job.device() == "cuda" || job.device() == "auto";
  if (job.parallel().transport() == "nccl" && !on_gpu)
    origins.fail(written_one("parallel.transport", "device", origins),
                 "expected auto or host: nccl joins GPUs, and device is " + job.device());
  if (job.parallel().share_gpu() && job.parallel().transport() == "host")
    origins.fail(written_one("parallel.share_gpu", "parallel.transport", origins),
                 "expected false: it is for NCCL, and with parallel.transport: host ranks may share a GPU anyway");
}

void check_pace(const job::Job& job, const Origins& origins) {
  const job::Schedule& schedule = job.schedule();
  if (schedule.min_lr() > schedule.lr())
    origins.fail("schedule.min_lr", "expected at most schedule.lr, which is " + text_of(schedule.lr()) + ", found " +
                                        text_of(schedule.min_lr()));
  if (schedule.warmup_steps() > job.steps())
    origins.fail("schedule.warmup_steps", "expected at most steps, which is " + text_of(job.steps()) + ", found " +
                                              text_of(schedule.warmup_steps()));
  const job::Batch& batch = job.batch();
  if (batch.micro() > 0 && batch.global() % batch.micro() != 0)
    origins.fail("batch.micro", "expected a part of batch.global; " + text_of(batch.global()) +
                                    " is not a multiple of " + text_of(batch.micro()));
  if (job.parallel().data() > 0 && batch.global() % job.parallel().data() != 0)
    origins.fail(written_one("batch.global", "parallel.data", origins),
                 "expected samples that the ranks share equally; batch.global " + text_of(batch.global()) +
                     " is not a multiple of parallel.data " + text_of(job.parallel().data()));
}

}  // namespace

void check_limits(const job::Job& job, const Origins& origins) {
  check_message(job, "", origins);
}

void check_meaning(const job::Job& job, const Origins& origins) {
  check_model(job, origins);
  check_data(job, origins);
  check_parallel(job, origins);
  check_device(job, origins);
  check_pace(job, origins);
  check_needs(job, origins);
}

}  // namespace trireme::launcher
