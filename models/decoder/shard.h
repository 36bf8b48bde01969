// What language models are asked when they are shared out over a mesh.
#pragma once

#include "parallel/mesh/mesh.h"
#include "parallel/tensor/split.h"

namespace trireme::models {

struct ShardOptions {
  bool sequence = false;  // rows of the activations between attention and feed-forward networks, too
};

// Cuts what all decoders have: embedding, head, attention by heads, feed-forward networks by hidden units, and the rows
// between them with sequence parallelism. For shard() of a model, which adds what is its own.
template <class Model>
void split_decoder(Model& model, const parallel::Split& split) {
  split_vocabulary(model.tokens, split);
  split_vocabulary(model.head, model.config().vocabulary, split);
  for (const auto& block : model.blocks) {
    split_heads(block->attention, split);
    split_hidden(block->mlp, split);
    if (!split.sequence) continue;
    split_rows(block->attention_branch, split);
    split_rows(block->mlp_branch, split);
  }
  if (split.sequence) split_rows(model.embedding_dropout, split);
  mark_shared(model, split);
}

}  // namespace trireme::models
