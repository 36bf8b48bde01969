// What language models are asked when they are shared out over a mesh.
#pragma once

#include "parallel/mesh/mesh.h"

namespace trireme::models {

struct ShardOptions {
  bool sequence = false;  // rows of the activations between attention and feed-forward networks, too
};

}  // namespace trireme::models
