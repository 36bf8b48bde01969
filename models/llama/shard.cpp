#include "models/llama/shard.h"

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
  if (!model.config().tied) model.output.weight.keep(0, {parallel::part_of(model.config().vocabulary, split.axis)});
  split_decoder(model, split);
}

}  // namespace trireme::models
