#include "models/gpt/shard.h"

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
  split_decoder(model, split);
}

}  // namespace trireme::models
