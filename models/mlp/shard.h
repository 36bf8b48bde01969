// How an MLP is shared out over a mesh.
#pragma once

#include <vector>

#include "models/mlp/mlp.h"
#include "parallel/mesh/mesh.h"

namespace trireme::models {

// What an MLP asks of the sizes of a mesh.
std::vector<parallel::AxisRule> mesh_rules(const MlpConfig& config);

// Cuts pairs of layers over the mesh's axis "tensor": the first by outputs, the second by inputs; of an odd number the
// last layer stays whole. What passes between pieces is then a part where it comes from a first. Before the model has
// memory. `mesh` outlives the model.
void shard(Mlp& model, const parallel::Mesh& mesh);

}  // namespace trireme::models
