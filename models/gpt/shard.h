// How a GPT is shared out over a mesh.
#pragma once

#include <vector>

#include "models/gpt/gpt.h"
#include "parallel/mesh/mesh.h"

namespace trireme::models {

struct ShardOptions {
  bool sequence = false;  // rows of the activations between attention and feed-forward networks, too
};

// What a GPT asks of the sizes of a mesh.
std::vector<parallel::AxisRule> mesh_rules(const GptConfig& config);

// Cuts the layers over the mesh's axis "tensor": the vocabulary of the embedding and the head, attention by heads,
// feed-forward networks by hidden units. Before the model has memory. `mesh` outlives the model.
void shard(Gpt& model, const parallel::Mesh& mesh, const ShardOptions& options = {});

}  // namespace trireme::models
