#include "models/mlp/shard.h"

#include <string>

#include "parallel/tensor/split.h"

namespace trireme::models {

std::vector<parallel::AxisRule> mesh_rules(const MlpConfig& config) {
  using Kind = parallel::AxisRule::Kind;
  std::vector<parallel::AxisRule> rules;
  for (std::size_t i = 0; i < config.hidden.size(); i += 2)
    rules.push_back({.axis = "tensor",
                     .kind = Kind::divides,
                     .number = config.hidden[i],
                     .what = "units of hidden layer " + std::to_string(i)});
  rules.push_back({.axis = "pipeline", .kind = Kind::at_most, .number = layers_of(config), .what = "layers"});
  return rules;
}

void shard(Mlp& model, const parallel::Mesh& mesh) {
  const parallel::Split split{mesh.axis("tensor")};
  if (split.axis.size() == 1) return;
  const std::int64_t last = layers_of(model.config()) - 1;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const std::int64_t number = model.numbers[i];
    if (number % 2 == 1) {
      split_inputs(*model.layers[i], split);
    } else if (number < last) {
      split_outputs(*model.layers[i], split);
      split_columns(*model.dropouts[i], split);
    }
  }
  mark_shared(model, split);
}

}  // namespace trireme::models
