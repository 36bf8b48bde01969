#include "models/llama/shard.h"

#include "parallel/tensor/split.h"

namespace trireme::models {

std::vector<parallel::AxisRule> mesh_rules(const LlamaConfig& config) {
  using Kind = parallel::AxisRule::Kind;
  return {{.axis = "tensor", .kind = Kind::divides, .number = config.kv_heads, .what = "key/value heads"},
          {.axis = "tensor", .kind = Kind::divides, .number = config.hidden, .what = "hidden units"},
          {.axis = "tensor", .kind = Kind::at_most, .number = config.vocabulary, .what = "rows of the vocabulary"},
          {.axis = "pipeline", .kind = Kind::at_most, .number = config.layers, .what = "layers"}};
}

void shard(Llama& model, const parallel::Mesh& mesh, const ShardOptions& options) {
  const parallel::Split split{mesh.axis("tensor"), options.sequence};
  if (split.axis.size() == 1) return;
  const std::int64_t vocabulary = model.config().vocabulary;
  split_vocabulary(model.tokens, split);
  split_vocabulary(model.head, vocabulary, split);
  if (!model.config().tied) model.output.weight.keep(0, {parallel::part_of(vocabulary, split.axis)});
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
