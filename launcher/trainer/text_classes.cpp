#include "launcher/trainer/text_classes.h"

#include <utility>

#include "launcher/trainer/decoders.h"
#include "launcher/trainer/labelled.h"
#include "runtime/data/drawn_texts.h"
#include "runtime/device/timeline.h"
#include "runtime/metrics/classification.h"
#include "runtime/ops/loss.h"

namespace trireme::launcher {

Tensor TextTask::loss(Context& cx, const data::Batch& batch) {
  const Tensor scores = logits(cx, batch);
  const TimeRange range(cx.device, "loss");
  if (!cx.training) return ops::cross_entropy(cx, scores, batch["labels"]);
  return ops::cross_entropy(cx, scores, batch["labels"], {.class_weights = weights_, .by_rows = true});
}

std::int64_t TextTask::record_width() const {
  return metrics::classification_width(model_.config().classes);
}

Tensor TextTask::measure(Context& cx, const data::Batch& batch, std::vector<double>& records) {
  const Tensor scores = logits(cx, batch);
  metrics::add_classified(records, to_floats(scores), to_host<std::int32_t>(batch["labels"]), model_.config().classes);
  return ops::cross_entropy(cx, scores, batch["labels"]);
}

metrics::Measures TextTask::measures(std::span<const double> records, double) const {
  return metrics::classification_measures(records, model_.config().classes);
}

data::Batch TextTask::blank_batch(Device& device, std::int64_t samples) const {
  data::Batch batch;
  batch.tensors["tokens"] = empty(device, {samples, model_.config().sequence}, DType::i32);
  batch.tensors["lengths"] = empty(device, {samples}, DType::i32);
  batch.tensors["labels"] = empty(device, {samples}, DType::i32);
  return batch;
}

models::TextClassifierConfig text_classifier_config(const job::Job& job) {
  const job::TextClassifier& from = job.model().text_classifier();
  return {.cell = cell_of(from.kind()),
          .vocabulary = from.vocabulary(),
          .sequence = from.sequence(),
          .width = from.width(),
          .filters = from.filters(),
          .window = from.window(),
          .units = from.units(),
          .layers = from.layers(),
          .bidirectional = from.bidirectional(),
          .classes = from.classes(),
          .dropout = from.dropout()};
}

Sources open_texts(const job::Job& job) {
  const job::Texts& from = job.data().texts();
  const auto tokenizer = from.tokenizer() == job::Text::byte ? data::make_byte_tokenizer()
                                                             : data::read_gpt2_tokenizer(from.vocab(), from.merges());
  data::LabelledTexts read = from.paths_size() == 0
                                 ? data::draw_texts({.samples = from.drawn(), .seed = job.seed()}, *tokenizer)
                                 : data::read_labelled_texts({.paths = {from.paths().begin(), from.paths().end()},
                                                              .folders = from.folders(),
                                                              .skip_bad = from.skip_bad()},
                                                             *tokenizer);
  const job::TextClassifier& model = job.model().text_classifier();
  if (model.classes() != std::ssize(read.class_names))
    fail("model.text_classifier.classes", "expected", read.class_names.size(), "for the texts' classes, found",
         model.classes());
  if (model.vocabulary() < tokenizer->vocabulary_size())
    fail("model.text_classifier.vocabulary", "expected room for the tokenizer's", tokenizer->vocabulary_size(),
         "tokens, found", model.vocabulary());
  const std::string note = left_out(read.skipped, std::ssize(read.tokens));
  const auto texts = std::make_shared<data::LabelledTexts>(std::move(read));
  const data::Parts parts = split_of(job, std::ssize(texts->tokens), texts->labels);
  const auto source = std::make_shared<data::LabelledTextSource>(texts, model.sequence(), tokenizer->end_of_text());
  Sources sources = parts_of(
      job, {.training = source, .held_out = source, .labels = texts->labels, .classes = model.classes()}, parts);
  sources.note = note;
  return sources;
}

}  // namespace trireme::launcher
