// Tensor parallelism: layers of nn cut over the ranks of an axis (Shoeybi et al. 2019), with the activations between
// pairs of layers cut by rows where asked for (Korthikanti et al. 2022). Applied to modules that have no memory yet.
//
// Formulas, with W_r a rank's part of a weight, r over the axis:
//   by outputs  y_r = x W_r^T + b_r     dx = sum_r dy_r W_r      dW_r = dy_r^T x
//   by inputs   y = sum_r x_r W_r^T + b  dx_r = dy W_r           dW_r = dy^T x_r
#pragma once

#include <vector>

#include "parallel/exchange/exchange.h"
#include "runtime/nn/dropout.h"
#include "runtime/nn/layers.h"
#include "runtime/nn/vocabulary.h"

namespace trireme::parallel {

struct Split {
  const Axis& axis;
  // Between pairs of split layers activations (B, T, C) are B T rows of C, of which each rank has an equal part.
  bool sequence = false;
};

// The part of rank `index` among `of` in `count` things, as equal as possible; of many, at multiples of 64, which is
// what matrix units like.
nn::Interval part_of(std::int64_t count, int index, int of);
inline nn::Interval part_of(std::int64_t count, const Axis& axis) {
  return part_of(count, axis.index(), axis.size());
}

// The rows of the weight that are in `outputs`. x is same on every rank, or this rank's rows.
void split_outputs(nn::Linear& layer, const Split& split, std::vector<nn::Interval> outputs);
// An equal part of the rows.
void split_outputs(nn::Linear& layer, const Split& split);
// An equal part of the columns. What enters is the part of the layer before; the result is same on every rank, or this
// rank's rows. A bias is added after the sum.
void split_inputs(nn::Linear& layer, const Split& split);

// Query heads with the key/value heads that they read; the size of the axis divides the number of either.
void split_heads(nn::SelfAttention& layer, const Split& split);
// Two layers that follow each other: the units between them.
void split_units(nn::Linear& first, nn::Linear& second, const Split& split);
// The hidden width; of a gated network, the same units of either half of `up`.
void split_hidden(nn::FeedForward& layer, const Split& split);

// Of activations that are a part of the columns, or of the rows: elements are dropped that the whole tensor would drop.
void split_columns(nn::Dropout& layer, const Split& split);
void split_rows(nn::Dropout& layer, const Split& split);

// The rows of the table; they need not divide.
void split_vocabulary(nn::Embedding& layer, const Split& split);
// The same rows, as the weight of an output head.
void split_vocabulary(nn::VocabularyLoss& layer, std::int64_t vocabulary, const Split& split);

// To be called when all layers of a model have been split: says of the parameters that every rank holds whole whether
// their gradients are equal, or have to be added.
void mark_shared(const nn::Module& module, const Split& split);

}  // namespace trireme::parallel
