#include "parallel/tensor/split.h"

#include <memory>
#include <utility>

#include "parallel/exchange/lent.h"
#include "parallel/tensor/vocabulary.h"
#include "runtime/ops/elementwise.h"

namespace trireme::parallel {
namespace {

// The exchanges of a layer name it in their messages by its path, which it has by the time of the first pass.
nn::Exchange exchange_of(const nn::Module& layer, const Axis& axis, Exchange how) {
  return [&layer, &axis, how](Context& cx, const Tensor& x) { return exchange(cx, x, how, {axis, layer.path()}); };
}

// Rows (B T, C) as (B, T, C).
Tensor by_sample(Context& cx, const Tensor& rows) {
  return ops::reshape(cx, rows, {cx.samples, rows.size(0) / cx.samples, rows.size(-1)});
}

// From this rank's rows (B T / N, C) to all (B, T, C), for work that each rank does another part of.
nn::Exchange spread_rows(const nn::Module& layer, const Axis& axis) {
  return [&layer, &axis](Context& cx, const Tensor& x) {
    return by_sample(cx, exchange(cx, x, Exchange::spread, {axis, layer.path()}));
  };
}

// From a term (B, T, C) to this rank's rows of the sum.
nn::Exchange sum_rows(const nn::Module& layer, const Axis& axis) {
  return [&layer, &axis](Context& cx, const Tensor& x) {
    const std::int64_t width = x.size(-1);
    return exchange(cx, ops::reshape(cx, x, {x.numel() / width, width}), Exchange::sum_parts, {axis, layer.path()});
  };
}

nn::Exchange entry(const nn::Module& layer, const Split& split) {
  return split.sequence ? spread_rows(layer, split.axis) : exchange_of(layer, split.axis, Exchange::copy);
}
nn::Exchange leaving(const nn::Module& layer, const Split& split) {
  return split.sequence ? sum_rows(layer, split.axis) : exchange_of(layer, split.axis, Exchange::sum);
}

nn::Interval equal_part(std::string_view what, std::int64_t count, const Axis& axis) {
  if (count % axis.size() != 0)
    fail("tensor", "expected", what, "that the", axis.size(), "ranks share equally, found", count, "=",
         count / axis.size(), "x", axis.size(), "+", count % axis.size());
  const std::int64_t share = count / axis.size();
  return {axis.index() * share, (axis.index() + 1) * share};
}

}  // namespace

nn::Interval part_of(std::int64_t count, int index, int of) {
  const std::int64_t unit = count >= 128 * std::int64_t{of} ? 64 : 1;
  const auto boundary = [&](std::int64_t at) { return at == of ? count : count * at / of / unit * unit; };
  return {boundary(index), boundary(std::int64_t{index} + 1)};
}

void split_outputs(nn::Linear& layer, const Split& split, std::vector<nn::Interval> outputs) {
  if (split.axis.size() == 1) return;
  layer.bias.keep(0, outputs);
  layer.weight.keep(0, std::move(outputs));
  if (!split.sequence) {
    layer.before = exchange_of(layer, split.axis, Exchange::copy);
    return;
  }
  const auto lent = std::make_shared<Lent>();
  layer.before = [&layer, &axis = split.axis, lent](Context& cx, const Tensor& x) {
    return by_sample(cx, lend(cx, x, {axis, layer.path()}, *lent));
  };
  layer.behind = [&layer, &axis = split.axis, lent](Context& cx, const Tensor& y) {
    return give_back(cx, y, {axis, layer.path()}, *lent);
  };
}

void split_outputs(nn::Linear& layer, const Split& split) {
  if (split.axis.size() == 1) return;
  split_outputs(layer, split, {equal_part("hidden units", layer.weight.shape[0], split.axis)});
}

void split_inputs(nn::Linear& layer, const Split& split) {
  if (split.axis.size() == 1) return;
  layer.weight.keep(1, {equal_part("inputs", layer.weight.shape[1], split.axis)});
  layer.after = leaving(layer, split);
}

void split_heads(nn::SelfAttention& layer, const Split& split) {
  if (split.axis.size() == 1) return;
  const nn::SelfAttentionOptions whole = layer.options();
  const std::int64_t width = layer.head_width();
  const nn::Interval heads = equal_part("attention heads", whole.heads, split.axis);
  const nn::Interval kv = equal_part("key/value heads", whole.kv_heads, split.axis);
  const auto rows = [&](std::int64_t first, const nn::Interval& range) {
    return nn::Interval{(first + range.begin) * width, (first + range.end) * width};
  };
  split_outputs(layer.qkv, split, {rows(0, heads), rows(whole.heads, kv), rows(whole.heads + whole.kv_heads, kv)});
  split_inputs(layer.proj, split);
  layer.keep_heads(heads, kv);
}

void split_units(nn::Linear& first, nn::Linear& second, const Split& split) {
  split_outputs(first, split);
  split_inputs(second, split);
}

void split_hidden(nn::FeedForward& layer, const Split& split) {
  if (!layer.options().gated) return split_units(layer.up, layer.down, split);
  if (split.axis.size() == 1) return;
  const std::int64_t hidden = layer.down.weight.shape[1];
  const nn::Interval units = equal_part("hidden units", hidden, split.axis);
  split_outputs(layer.up, split, {units, {hidden + units.begin, hidden + units.end}});
  split_inputs(layer.down, split);
}

void split_columns(nn::Dropout& layer, const Split& split) {
  layer.columns = {split.axis.index(), split.axis.size()};
}
void split_rows(nn::Dropout& layer, const Split& split) {
  layer.rows = {split.axis.index(), split.axis.size()};
}

void split_vocabulary(nn::Embedding& layer, const Split& split) {
  if (split.axis.size() == 1) return;
  layer.weight.keep(0, {part_of(layer.weight.shape[0], split.axis)});
  layer.after = leaving(layer, split);
  if (split.sequence) layer.rows = {split.axis.index(), split.axis.size()};
}

void split_vocabulary(nn::VocabularyLoss& layer, std::int64_t vocabulary, const Split& split) {
  if (split.axis.size() == 1) return;
  const VocabularyPart part{split.axis, vocabulary, part_of(vocabulary, split.axis.index(), split.axis.size()).begin};
  layer.split = [enter = entry(layer, split), part, &layer](Context& cx, const Tensor& x, const Tensor& weight,
                                                            const Tensor& targets) {
    return split_linear_cross_entropy(cx, enter(cx, x), weight, targets, part, layer.path());
  };
}

void mark_shared(const nn::Module& module, const Split& split) {
  if (split.axis.size() == 1) return;
  for (nn::Parameter* parameter : module.parameters())
    if (parameter->piece.is_whole()) parameter->held = split.sequence ? nn::Held::added : nn::Held::alike;
}

}  // namespace trireme::parallel
