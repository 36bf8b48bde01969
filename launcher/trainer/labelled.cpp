#include "launcher/trainer/labelled.h"

#include <utility>

#include "runtime/data/selection.h"

namespace trireme::launcher {

data::Parts split_of(const job::Job& job, std::int64_t samples, std::span<const std::int32_t> labels) {
  const job::Split& from = job.data().split();
  return data::split(
      samples, labels,
      {.validation = from.folds() > 0 ? 0.0 : from.validation(),
       .test = from.test(),
       .order = from.order() == job::Split::in_time ? data::SplitOrder::in_time : data::SplitOrder::shuffled,
       .stratified = from.stratified(),
       .folds = from.folds(),
       .fold = from.fold(),
       .seed = job.seed()});
}

std::shared_ptr<const data::Source> mixed(const job::Job& job, std::shared_ptr<const data::Source> whole,
                                          const std::vector<std::int64_t>& chosen) {
  const bool as_it_lies = job.data().split().order() == job::Split::in_time;
  return std::make_shared<data::Selection>(std::move(whole), as_it_lies ? chosen : data::shuffled(chosen, job.seed()));
}

std::string left_out(const std::vector<std::string>& skipped, std::int64_t kept) {
  if (skipped.empty()) return {};
  return "left out " + std::to_string(skipped.size()) + " of " + std::to_string(kept + std::ssize(skipped)) +
         " samples; the first: " + skipped.front();
}

Sources parts_of(const job::Job& job, const Labelled& data, const data::Parts& parts) {
  const auto selection = [&](const std::vector<std::int64_t>& chosen) -> std::shared_ptr<const data::Source> {
    return chosen.empty() ? nullptr : mixed(job, data.held_out, chosen);
  };
  Sources sources{.training = nullptr,
                  .validation = selection(parts.validation),
                  .test = selection(parts.test),
                  .class_weights = {}};
  std::vector<std::int32_t> labels;
  if (job.data().balance() != job::as_is) {
    require(!data.labels.empty(), "data.balance", "expected samples with classes, found none");
    for (const std::int64_t sample : parts.training) labels.push_back(data.labels[static_cast<std::size_t>(sample)]);
  }
  if (job.data().balance() == job::weights) sources.class_weights = data::balanced_weights(labels, data.classes);
  if (job.data().balance() == job::samples)
    sources.training = std::make_shared<data::Balanced>(data.training, parts.training, labels, job.seed());
  else
    sources.training = std::make_shared<data::Selection>(data.training, parts.training);
  return sources;
}

}  // namespace trireme::launcher
