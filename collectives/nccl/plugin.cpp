// What make_device_group() looks up in the plugin.
#include <nccl.h>

#include <cstring>
#include <memory>

#include "collectives/nccl/nccl_group.h"
#include "collectives/rendezvous/device_group.h"
#include "runtime/device/cuda/cuda_device.h"

extern "C" {

void trireme_nccl_identify(trireme::Device& device, trireme::GpuIdentity& identity) {
  const cudaDeviceProp& properties = static_cast<trireme::cuda::CudaDevice&>(device).properties();
  static_assert(sizeof properties.uuid.bytes <= sizeof identity.uuid);
  std::memcpy(identity.uuid, properties.uuid.bytes, sizeof properties.uuid.bytes);
  static_assert(sizeof properties.name <= sizeof identity.name);
  std::memcpy(identity.name, properties.name, sizeof properties.name);
  identity.index = device.index();
  ncclGetVersion(&identity.nccl_version);
}

trireme::Group* trireme_nccl_make_group(trireme::Group* host, trireme::Device& device, double deadline) {
  return trireme::make_nccl_group(std::unique_ptr<trireme::Group>(host), device, {.deadline = deadline}).release();
}
}
