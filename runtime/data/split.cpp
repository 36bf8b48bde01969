#include "runtime/data/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "runtime/base/error.h"
#include "runtime/base/philox.h"
#include "runtime/data/order.h"

namespace trireme::data {
namespace {

using Numbers = std::vector<std::int64_t>;

void append(Numbers& to, const Numbers& from, std::int64_t begin, std::int64_t end) {
  to.insert(to.end(), from.begin() + begin, from.begin() + end);
}

std::int64_t share(std::int64_t samples, double fraction) {
  return std::llround(fraction * static_cast<double>(samples));
}

// Deals out `samples`, which are in the order in which they are to be dealt: training first, then validation, then
// test.
void deal(const Numbers& samples, const SplitOptions& options, Parts& parts) {
  const std::int64_t all = std::ssize(samples), tested = share(all, options.test), rest = all - tested;
  append(parts.test, samples, rest, all);
  if (options.folds == 0) {
    const std::int64_t validated = std::min(rest, share(all, options.validation));
    append(parts.training, samples, 0, rest - validated);
    append(parts.validation, samples, rest - validated, rest);
    return;
  }
  const bool in_time = options.order == SplitOrder::in_time;
  const std::int64_t cuts = in_time ? options.folds + 1 : options.folds, number = options.fold + (in_time ? 1 : 0);
  const std::int64_t begin = rest * number / cuts, end = rest * (number + 1) / cuts;
  append(parts.training, samples, 0, begin);
  append(parts.validation, samples, begin, end);
  if (!in_time) append(parts.training, samples, end, rest);
}

void check(std::int64_t samples, std::span<const std::int32_t> labels, const SplitOptions& options) {
  constexpr const char* where = "split";
  require(samples >= 1, where, "expected at least one sample");
  require(options.validation >= 0.0 && options.test >= 0.0 && options.validation + options.test < 1.0, where,
          "expected fractions whose sum is below 1, found", options.validation, "for validation and", options.test,
          "for the test");
  require(options.folds == 0 || (options.folds >= 2 && options.fold >= 0 && options.fold < options.folds), where,
          "expected at least two folds, and one of them from 0 on, found fold", options.fold, "of", options.folds);
  require(!options.stratified || options.order == SplitOrder::shuffled, where,
          "what is split in time cannot be stratified");
  require(!options.stratified || std::ssize(labels) == samples, where, "expected a label for each of", samples,
          "samples to stratify by, found", labels.size());
}

}  // namespace

std::vector<std::int64_t> shuffled(const std::vector<std::int64_t>& samples, std::uint64_t seed) {
  const Order order(OrderKind::shuffled, std::ssize(samples), seed ^ hash_name("split"));
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < std::ssize(samples); ++i)
    result.push_back(samples[static_cast<std::size_t>(order.at(i).sample)]);
  return result;
}

Parts split(std::int64_t samples, std::span<const std::int32_t> labels, const SplitOptions& options) {
  check(samples, labels, options);
  Numbers all(static_cast<std::size_t>(samples));
  std::iota(all.begin(), all.end(), 0);
  Parts parts;
  if (options.order == SplitOrder::in_time) {
    deal(all, options, parts);
  } else if (options.stratified) {
    std::map<std::int32_t, Numbers> classes;
    for (const std::int64_t sample : all) classes[labels[static_cast<std::size_t>(sample)]].push_back(sample);
    for (const auto& [label, members] : classes)
      deal(shuffled(members, options.seed + static_cast<std::uint64_t>(label)), options, parts);
  } else {
    deal(shuffled(all, options.seed), options, parts);
  }
  for (Numbers* part : {&parts.training, &parts.validation, &parts.test}) std::sort(part->begin(), part->end());
  require(!parts.training.empty(), "split", "no sample of", samples, "is left for training");
  require(!parts.validation.empty() || (options.validation == 0.0 && options.folds == 0), "split", "no sample of",
          samples, "is in the validation part; make it larger");
  require(!parts.test.empty() || options.test == 0.0, "split", "no sample of", samples,
          "is in the test part; make it larger");
  return parts;
}

}  // namespace trireme::data
