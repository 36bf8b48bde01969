// Whether the pieces of a tensor make all of it.
#pragma once

#include <string>

#include "runtime/store/manifest.h"

namespace trireme::store {

// Sorts the pieces of `tensor` by their beginnings. Throws unless every element lies in exactly one of them; `source`
// is the path for messages.
void check_tiling(const std::string& source, ManifestTensor& tensor);

}  // namespace trireme::store
