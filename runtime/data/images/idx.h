// The IDX files that MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017) come in, plain or gzipped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/data/images/image_set.h"

namespace trireme::data {

struct IdxOptions {
  std::string images;                              // (N, H, W) or (N, H, W, C) unsigned bytes
  std::string labels;                              // (N) unsigned bytes
  std::int64_t max_bytes = std::int64_t{4} << 30;  // of either file, uncompressed
};

std::shared_ptr<const ImageSet> read_idx(const IdxOptions& options);

}  // namespace trireme::data
