#include "runtime/base/sizes.h"

#include "runtime/base/shape.h"

namespace trireme {

std::int64_t checked_bytes(std::string_view where, std::string_view what, std::span<const std::int64_t> shape,
                           DType dtype) {
  std::int64_t bytes = size_of(dtype);
  bool empty = false;
  for (std::int64_t size : shape) {
    empty = empty || size == 0;
    if (size == 0) continue;  // the other sizes must still multiply without overflow: Shape::numel() does
    if (bytes > most_bytes / size) fail(where, what, "is impossibly large:", Shape(shape), "of", dtype);
    bytes *= size;
  }
  return empty ? 0 : bytes;
}

}  // namespace trireme
