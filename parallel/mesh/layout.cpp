#include "parallel/mesh/layout.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>

namespace trireme::parallel {
namespace {

constexpr std::size_t suggestions = 3;

std::string product(const std::vector<AxisSize>& sizes) {
  std::ostringstream text;
  for (std::size_t i = 0; i < sizes.size(); ++i) text << (i ? " x " : "") << sizes[i].name << ' ' << sizes[i].size;
  return text.str();
}

bool allows(const AxisRule& rule, std::int64_t size) {
  switch (rule.kind) {
    case AxisRule::Kind::divides: return rule.number % size == 0;
    case AxisRule::Kind::multiple: return size % rule.number == 0;
    case AxisRule::Kind::at_most: return size <= rule.number;
    case AxisRule::Kind::at_least: return size >= rule.number;
  }
  return true;
}

bool keeps(const AxisRule& rule, const std::vector<AxisSize>& sizes) {
  for (const AxisSize& axis : sizes)
    if (axis.name == rule.axis) return allows(rule, axis.size);
  return true;
}

bool keeps_all(std::span<const AxisRule> rules, const std::vector<AxisSize>& sizes) {
  return std::all_of(rules.begin(), rules.end(), [&](const AxisRule& rule) { return keeps(rule, sizes); });
}

// How far a layout is from what was asked for: doublings and halvings over all axes.
double distance(const std::vector<AxisSize>& asked, const std::vector<AxisSize>& sizes) {
  double sum = 0.0;
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (asked[i].size > 0) sum += std::abs(std::log2(static_cast<double>(sizes[i].size) / asked[i].size));
  return sum;
}

// Ascending.
std::vector<int> divisors(int number) {
  std::vector<int> found;
  for (int small = 1; small <= number / small; ++small) {
    if (number % small != 0) continue;
    found.push_back(small);
    if (small != number / small) found.push_back(number / small);
  }
  std::sort(found.begin(), found.end());
  return found;
}

void for_each_product(int ranks, std::vector<AxisSize>& sizes, std::size_t axis, const std::function<void()>& visit) {
  if (axis + 1 == sizes.size()) {
    sizes[axis].size = ranks;
    return visit();
  }
  for (const int size : divisors(ranks)) {
    sizes[axis].size = size;
    for_each_product(ranks / size, sizes, axis + 1, visit);
  }
}

std::string suggestion(int ranks, const std::vector<AxisSize>& asked, std::span<const AxisRule> rules) {
  const std::vector<Layout> near = nearest_layouts(ranks, asked, rules, suggestions);
  std::ostringstream text;
  if (near.empty()) {
    text << "no layout of " << ranks << (ranks == 1 ? " rank" : " ranks") << " fits the job";
  } else {
    text << "the nearest that " << (near.size() == 1 ? "works" : "work") << " on " << ranks
         << (ranks == 1 ? " rank: " : " ranks: ");
    for (std::size_t i = 0; i < near.size(); ++i) text << (i ? ", " : "") << near[i].text();
  }
  return text.str();
}

// "start 12 ranks, or ", where that many would do; `open` takes any multiple of the others' product.
std::string other_ranks(int ranks, std::int64_t product, const AxisSize* open, std::vector<AxisSize> sizes,
                        std::span<const AxisRule> rules) {
  constexpr std::int64_t tries = 256;
  const auto advice = [](std::int64_t count) {
    return "start " + std::to_string(count) + (count == 1 ? " rank, or " : " ranks, or ");
  };
  if (!open) return keeps_all(rules, sizes) ? advice(product) : "";
  AxisSize& free =
      *std::find_if(sizes.begin(), sizes.end(), [&](const AxisSize& axis) { return axis.name == open->name; });
  const std::int64_t below = ranks / product;
  for (std::int64_t step = 1; step <= tries; ++step)  // more ranks, then fewer
    for (const std::int64_t size : {below + step, below + 1 - step}) {
      if (size < 1 || size * product > most_ranks) continue;
      free.size = static_cast<int>(size);
      if (keeps_all(rules, sizes)) return advice(size * product);
    }
  return "";
}

[[noreturn]] void refuse(const AxisRule& rule, const Layout& layout, const std::vector<AxisSize>& asked,
                         std::span<const AxisRule> rules) {
  const std::int64_t size = layout.size(rule.axis);
  std::ostringstream text;
  const auto sum = [&](std::int64_t whole, std::int64_t part) {
    text << "; found " << size << ", and " << whole << " = " << whole / part << " x " << part << " + " << whole % part;
  };
  switch (rule.kind) {
    case AxisRule::Kind::divides:
      text << "expected a size that divides the " << rule.number << ' ' << rule.what;
      sum(rule.number, size);
      break;
    case AxisRule::Kind::multiple:
      text << "expected a multiple of the " << rule.number << ' ' << rule.what;
      sum(size, rule.number);
      break;
    case AxisRule::Kind::at_most:
      text << "expected at most the " << rule.number << ' ' << rule.what << "; found " << size;
      break;
    case AxisRule::Kind::at_least:
      text << "expected at least " << rule.number << ' ' << rule.what << "; found " << size;
      break;
  }
  fail("parallel." + rule.axis, text.str() + ";", suggestion(layout.ranks(), asked, rules));
}

}  // namespace

Layout::Layout(std::vector<AxisSize> sizes) : sizes_(std::move(sizes)) {
  std::int64_t total = 1;
  for (const AxisSize& axis : sizes_) {
    require(axis.size > 0, "mesh", "expected positive axis sizes, found", product(sizes_));
    require(
        std::count_if(sizes_.begin(), sizes_.end(), [&](const auto& other) { return other.name == axis.name; }) == 1,
        "mesh", "expected every axis once, found", product(sizes_));
    total *= axis.size;
    require(total <= most_ranks, "mesh", "expected at most", most_ranks, "ranks, found", product(sizes_));
  }
  ranks_ = static_cast<int>(total);
}

std::size_t Layout::place(std::string_view axis) const {
  for (std::size_t i = 0; i < sizes_.size(); ++i)
    if (sizes_[i].name == axis) return i;
  fail("mesh", "expected an axis of", text() + ", found", axis);
}

int Layout::size(std::string_view axis) const {
  return sizes_[place(axis)].size;
}

int Layout::stride(std::string_view axis) const {
  int stride = 1;
  for (std::size_t i = place(axis) + 1; i < sizes_.size(); ++i) stride *= sizes_[i].size;
  return stride;
}

int Layout::index(std::string_view axis, int rank) const {
  return rank / stride(axis) % size(axis);
}

std::string Layout::text() const {
  return product(sizes_);
}

std::vector<Layout> nearest_layouts(int ranks, const std::vector<AxisSize>& asked, std::span<const AxisRule> rules,
                                    std::size_t count) {
  std::vector<std::pair<double, std::vector<AxisSize>>> found;
  std::vector<AxisSize> sizes = asked;
  for_each_product(ranks, sizes, 0, [&] {
    if (keeps_all(rules, sizes)) found.emplace_back(distance(asked, sizes), sizes);
  });
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Layout> result;
  for (std::size_t i = 0; i < std::min(count, found.size()); ++i) result.emplace_back(found[i].second);
  return result;
}

Layout make_layout(int ranks, const std::vector<AxisSize>& asked, std::span<const AxisRule> rules) {
  Layout layout = fill_layout(ranks, asked, rules);
  check_rules(layout, asked, rules);
  return layout;
}

void check_rules(const Layout& layout, const std::vector<AxisSize>& asked, std::span<const AxisRule> rules) {
  for (const AxisRule& rule : rules)
    if (!keeps(rule, layout.sizes())) refuse(rule, layout, asked, rules);
}

Layout fill_layout(int ranks, const std::vector<AxisSize>& asked, std::span<const AxisRule> rules) {
  require(ranks > 0 && ranks <= most_ranks, "mesh", "expected 1 to", most_ranks, "ranks, found", ranks);
  std::int64_t known = 1;
  std::vector<AxisSize> sizes = asked;
  AxisSize* open = nullptr;
  for (AxisSize& axis : sizes) {
    require(axis.size >= 0, "mesh", "expected axis sizes of zero or more, found", product(asked));
    require(axis.size > 0 || !open, "mesh",
            "expected at most one axis of size 0, which takes what the others leave, found", product(asked));
    if (axis.size == 0)
      open = &axis;
    else
      known *= axis.size;
    require(known <= most_ranks, "mesh", "expected at most", most_ranks, "ranks, found", product(asked));
  }
  if (open && ranks % known == 0) {
    open->size = static_cast<int>(ranks / known);
  } else if (open) {
    std::vector<AxisSize> others;
    for (const AxisSize& axis : sizes)
      if (&axis != open) others.push_back(axis);
    std::ostringstream text;
    text << "expected axis sizes whose product divides the number of ranks; found " << product(others) << " = " << known
         << ", and " << ranks << " = " << ranks / known << " x " << known << " + " << ranks % known << "; "
         << other_ranks(ranks, known, open, sizes, rules) << "change `parallel` in the job: ";
    fail("mesh", text.str() + suggestion(ranks, asked, rules));
  } else if (known != ranks) {
    std::ostringstream text;
    text << "expected axis sizes whose product is the number of ranks, " << ranks << "; found " << product(sizes)
         << " = " << known << "; " << other_ranks(ranks, known, nullptr, sizes, rules)
         << "change `parallel` in the job: ";
    fail("mesh", text.str() + suggestion(ranks, asked, rules));
  }
  return Layout(std::move(sizes));
}

std::vector<DrySplit> dry_splits(const Layout& layout, int rank, int data_groups) {
  std::vector<DrySplit> splits;
  for (const AxisSize& axis : layout.sizes())
    for (const std::string& name : {axis.name, overlapped(axis.name)})
      splits.push_back({.name = name, .rank = layout.index(axis.name, rank), .size = axis.size});
  if (data_groups > 0) {
    const int index = layout.index("data", rank), groups = layout.size("data") / data_groups;
    for (const std::string& name : {shards_of("data"), overlapped(shards_of("data"))})
      splits.push_back({.name = name, .rank = index % data_groups, .size = data_groups});
    for (const std::string& name : {replicas_of("data"), overlapped(replicas_of("data"))})
      splits.push_back({.name = name, .rank = index / data_groups, .size = groups});
  }
  return splits;
}

}  // namespace trireme::parallel
