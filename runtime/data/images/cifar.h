// The binary files of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 32 x 32 pixels in colour.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/data/images/image_set.h"

namespace trireme::data {

struct CifarOptions {
  std::vector<std::string> paths;  // files, gzipped or not; folders stand for their *.bin, patterns for what they match
  bool hundred = false;            // CIFAR-100: a record has a coarse label, which is left out, and a fine one
};

std::shared_ptr<const ImageSet> read_cifar(const CifarOptions& options);

}  // namespace trireme::data
