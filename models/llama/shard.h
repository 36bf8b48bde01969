// How a Llama is shared out over a mesh.
#pragma once

#include <vector>

#include "models/decoder/shard.h"
#include "models/llama/llama.h"

namespace trireme::models {

// What a Llama asks of the sizes of a mesh.
std::vector<parallel::AxisRule> mesh_rules(const LlamaConfig& config);

// Cuts the layers over the mesh's axis "tensor": the vocabulary of the embedding and the head, attention by groups of
// heads, feed-forward networks by hidden units. Before the model has memory. `mesh` outlives the model.
void shard(Llama& model, const parallel::Mesh& mesh, const ShardOptions& options = {});

}  // namespace trireme::models
