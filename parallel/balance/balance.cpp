#include "parallel/balance/balance.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/base/error.h"

namespace trireme::parallel {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

class Division {
 public:
  Division(std::span<const double> costs, const BalanceOptions& options)
      : options_(options), layers_(costs.size()), stages_(static_cast<std::size_t>(options.stages)), sums_{0.0} {
    for (const double cost : costs) sums_.push_back(sums_.back() + cost);
  }

  // The smallest possible largest cost: best[n] of the first n layers, one stage after the other.
  double smallest_maximum() const {
    return solve([](double before, double stage) { return std::max(before, stage); }, infinity, nullptr);
  }

  // The most even division whose stages cost at most `limit`.
  std::vector<std::int64_t> most_even(double limit) const {
    std::vector<std::vector<std::size_t>> cuts;
    solve([](double before, double stage) { return before + stage * stage; }, limit, &cuts);
    std::vector<std::int64_t> ends(stages_);
    std::size_t end = layers_;
    for (std::size_t stage = stages_; stage-- > 0;) {
      ends[stage] = static_cast<std::int64_t>(end);
      end = cuts[stage][end];
    }
    return ends;
  }

 private:
  double cost(std::size_t stage, std::size_t begin, std::size_t end) const {
    return sums_[end] - sums_[begin] + (stage == 0 ? options_.first : 0.0) +
           (stage + 1 == stages_ ? options_.last : 0.0);
  }

  // `join` puts a stage behind the best division of what comes before it; cuts[stage][end] is where the stage begins.
  template <class Join>
  double solve(Join join, double limit, std::vector<std::vector<std::size_t>>* cuts) const {
    std::vector<double> best(layers_ + 1, infinity), next;
    best[0] = 0.0;
    for (std::size_t stage = 0; stage < stages_; ++stage) {
      next.assign(layers_ + 1, infinity);
      std::vector<std::size_t> cut(layers_ + 1, 0);
      for (std::size_t end = stage + 1; end + (stages_ - stage - 1) <= layers_; ++end)
        for (std::size_t begin = end; begin-- > stage;) {
          const double mine = cost(stage, begin, end);
          if (mine > limit || join(0.0, mine) >= next[end]) break;  // and longer stages cost no less
          if (best[begin] == infinity) continue;
          const double total = join(best[begin], mine);
          if (total < next[end]) next[end] = total, cut[end] = begin;
        }
      best.swap(next);
      if (cuts) cuts->push_back(std::move(cut));
    }
    return best[layers_];
  }

  const BalanceOptions& options_;
  std::size_t layers_, stages_;
  std::vector<double> sums_;  // of the first n layers
};

}  // namespace

std::vector<std::int64_t> balance(std::span<const double> costs, const BalanceOptions& options) {
  require(options.stages > 0, "balance", "expected a positive number of stages, found", options.stages);
  require(static_cast<std::size_t>(options.stages) <= costs.size(), "balance",
          "expected at least one layer for each of", options.stages, "stages, found", costs.size(), "layers");
  const auto usable = [](double cost) { return std::isfinite(cost) && cost >= 0.0; };
  require(std::all_of(costs.begin(), costs.end(), usable) && usable(options.first) && usable(options.last), "balance",
          "expected costs that are finite and not negative");
  const Division division(costs, options);
  return division.most_even(division.smallest_maximum());
}

std::vector<double> stage_costs(std::span<const double> costs, std::span<const std::int64_t> ends,
                                const BalanceOptions& options) {
  std::vector<double> result;
  std::int64_t begin = 0;
  for (const std::int64_t end : ends) {
    double sum = result.empty() ? options.first : 0.0;
    for (; begin < end; ++begin) sum += costs[static_cast<std::size_t>(begin)];
    result.push_back(sum);
  }
  result.back() += options.last;
  return result;
}

}  // namespace trireme::parallel
