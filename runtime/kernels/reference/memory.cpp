#include <cstring>

#include "runtime/kernels/reference/images/image_class.h"
#include "runtime/kernels/reference/recurrent/recurrent_class.h"
#include "runtime/kernels/reference/reference_class.h"
#include "runtime/kernels/reference/reference_kernels.h"
#include "runtime/kernels/reference/values.h"

namespace trireme {

std::unique_ptr<Kernels> make_reference_kernels() {
  return std::make_unique<reference::ReferenceKernels>();
}

namespace reference {

ReferenceKernels::ReferenceKernels()
    : images_(std::make_unique<ReferenceImages>()), recurrent_(std::make_unique<ReferenceRecurrent>()) {}
ReferenceKernels::~ReferenceKernels() = default;

void ReferenceKernels::fill(Tensor& y, float value) {
  store(y, Values(static_cast<std::size_t>(y.numel()), double{value}));
}

void ReferenceKernels::cast(Tensor& y, const Tensor& x) {
  if (y.dtype() != x.dtype()) return store(y, load(x));
  if (x.bytes() > 0) std::memmove(y.raw(), x.raw(), static_cast<std::size_t>(x.bytes()));
}

}  // namespace reference
}  // namespace trireme
