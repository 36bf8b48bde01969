#include "runtime/kernels/cuda/cuda_kernels.h"

#include "runtime/base/error.h"
#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/images/image_class.h"
#include "runtime/kernels/cuda/recurrent/recurrent_class.h"

namespace trireme {
namespace cuda {

CudaKernels::CudaKernels(CudaDevice& device, const std::string& cache)
    : device_(device),
      stream_(device.native_compute()),
      products_(cache.empty() ? cache : cache + "/matrix-products"),
      images_(std::make_unique<CudaImages>(device)),
      recurrent_(std::make_unique<CudaRecurrent>(device, *this)) {}
CudaKernels::~CudaKernels() = default;

}  // namespace cuda

std::unique_ptr<Kernels> make_cuda_kernels(Device& device, const std::string& cache) {
  require(device.type() == DeviceType::cuda, "cuda", "expected a cuda device for cuda kernels, found", device.type());
  return std::make_unique<cuda::CudaKernels>(static_cast<cuda::CudaDevice&>(device), cache);
}

}  // namespace trireme
