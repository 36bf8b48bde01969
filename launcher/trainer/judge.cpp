#include "launcher/trainer/judge.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "runtime/base/error.h"

namespace trireme::launcher {
namespace {

constexpr const char* key = "best";

bool counts_errors(const std::string& measure) {
  constexpr std::array<std::string_view, 5> errors{"loss", "perplexity", "mae", "mse", "rmse"};
  return std::find(errors.begin(), errors.end(), measure) != errors.end();
}

}  // namespace

Judge::Judge(const job::Job& job)
    : by_(job.evaluate().judge()),
      larger_is_better_(!counts_errors(by_)),
      least_change_(job.evaluate().least_change()),
      patience_(job.evaluate().patience()) {}

bool Judge::better(double value) const {
  if (std::isnan(value)) return false;
  if (step_ == 0 || std::isnan(value_)) return true;
  const double gain = larger_is_better_ ? value - value_ : value_ - value;
  return gain > 0.0 && gain >= least_change_;
}

bool Judge::take(const Validation& validation) {
  const double* found = by_ == "loss" ? &validation.loss : validation.measures.find(by_);
  if (!found) {
    std::string known = "loss";
    for (const metrics::Measure& measure : validation.measures.scalars) known += ", " + measure.name;
    fail("evaluate.judge", "expected something that is measured here, found", by_ + "; there is:", known);
  }
  if (!better(*found)) {
    ++since_;
    return false;
  }
  value_ = *found;
  step_ = validation.step;
  since_ = 0;
  return true;
}

std::string Judge::text() const {
  if (step_ == 0) return {};
  char number[32];
  std::snprintf(number, sizeof number, "%.6g", value_);
  return "the best was " + by_ + ' ' + number + " after step " + std::to_string(step_);
}

void Judge::write(store::Metadata& metadata) const {
  if (step_ == 0) return;
  char text[128];
  std::snprintf(text, sizeof text, "%a %lld %lld ", value_, static_cast<long long>(step_),
                static_cast<long long>(since_));
  metadata[key] = text + by_;
}

void Judge::read(const store::Metadata& metadata) {
  step_ = since_ = 0;
  const auto entry = metadata.find(key);
  if (entry == metadata.end()) return;
  double value = 0.0;
  long long step = 0, since = 0;
  char by[64] = "";
  if (std::sscanf(entry->second.c_str(), "%la %lld %lld %63s", &value, &step, &since, by) != 4 || by != by_) return;
  value_ = value;
  step_ = step;
  since_ = since;
}

}  // namespace trireme::launcher
