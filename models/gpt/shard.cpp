#include "models/gpt/shard.h"

#include "parallel/tensor/split.h"

namespace trireme::models {

std::vector<parallel::AxisRule> mesh_rules(const GptConfig& config) {
  using Kind = parallel::AxisRule::Kind;
  return {{.axis = "tensor", .kind = Kind::divides, .number = config.heads, .what = "attention heads"},
          {.axis = "tensor", .kind = Kind::at_most, .number = config.vocabulary, .what = "rows of the vocabulary"},
          {.axis = "pipeline", .kind = Kind::at_most, .number = config.layers, .what = "layers"}};
}

void shard(Gpt& model, const parallel::Mesh& mesh, const ShardOptions& options) {
  const parallel::Split split{mesh.axis("tensor"), options.sequence};
  if (split.axis.size() == 1) return;
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
