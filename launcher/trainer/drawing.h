// What a model that draws pictures is asked for.
#pragma once

#include <cstdint>

#include "runtime/kernels/backend.h"
#include "runtime/tensor/tensor.h"

namespace trireme::launcher {

struct DrawingOptions {
  std::int64_t count = 100;
  std::uint64_t seed = 1;
  std::int64_t of_class = -1;  // below 0: of all classes in turn
};

class Drawing {
 public:
  virtual ~Drawing() = default;
  // Images (count, H, W, C), f32: the same for the same seed, however they are computed.
  virtual Tensor draw(Backend& backend, const DrawingOptions& options) = 0;
  // What is black in them, and what is white.
  virtual float darkest() const = 0;
  virtual float brightest() const { return 1.0f; }
  // Classes that can be asked for.
  virtual std::int64_t drawn_classes() const { return 0; }
};

}  // namespace trireme::launcher
