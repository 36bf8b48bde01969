// What read_cuda_facts() looks up in the plugin.
#include "runtime/device/cuda_facts.h"

#include <cublasLt.h>
#include <cuda_runtime.h>
#include <cudnn.h>
#include <nccl.h>

#include <array>
#include <fstream>

#include "runtime/device/cuda/check.h"

namespace trireme::cuda {
namespace {

// 13000 -> "13.0"; 22809, where the parts have two digits, -> "2.28.9".
std::string dotted(std::int64_t version, std::int64_t major, std::int64_t minor, bool patch) {
  std::string text = std::to_string(version / major) + '.' + std::to_string(version % major / minor);
  if (patch) text += '.' + std::to_string(version % minor);
  return text;
}

std::string cuda_text(int version) {
  return dotted(version, 1000, 10, false);
}
std::string cublas_text(std::int64_t version) {
  return dotted(version, 10000, 100, true);
}
std::string cudnn_text(std::int64_t version) {
  return dotted(version, 10000, 100, true);
}
std::string nccl_text(int version) {
  return dotted(version, 10000, 100, true);
}

int numa_of(const std::string& pci) {
  int node = -1;
  std::ifstream("/sys/bus/pci/devices/" + pci + "/numa_node") >> node;
  return node;
}

GpuLink link_of(int from, int to) {
  if (from == to) return GpuLink::same;
  int access = 0, atomics = 0;
  check(cudaDeviceCanAccessPeer(&access, from, to), "cudaDeviceCanAccessPeer");
  if (!access) return GpuLink::host;
  // Atomic operations reach over NVLink, not over PCIe.
  check(cudaDeviceGetP2PAttribute(&atomics, cudaDevP2PAttrNativeAtomicSupported, from, to),
        "cudaDeviceGetP2PAttribute");
  return atomics ? GpuLink::nvlink : GpuLink::peer;
}

GpuFacts gpu_of(int index, int count) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  std::array<char, 32> pci{};
  check(cudaDeviceGetPCIBusId(pci.data(), static_cast<int>(pci.size()), index), "cudaDeviceGetPCIBusId");
  for (char& letter : pci)
    if (letter >= 'A' && letter <= 'F') letter = static_cast<char>(letter - 'A' + 'a');  // as the system writes it
  check(cudaSetDevice(index), "cudaSetDevice");
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  GpuFacts gpu{.name = properties.name,
               .pci = pci.data(),
               .capability = 10 * properties.major + properties.minor,
               .memory = static_cast<std::int64_t>(total),
               .free = static_cast<std::int64_t>(free),
               .numa = numa_of(pci.data()),
               .links = {}};
  for (int other = 0; other < count; ++other) gpu.links.push_back(link_of(index, other));
  return gpu;
}

CudaFacts read_facts() {
  int driver = 0, runtime = 0, nccl = 0, count = 0;
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  ncclGetVersion(&nccl);
  CudaFacts facts{
      .driver = cuda_text(driver),
      .runtime = {.built = cuda_text(CUDART_VERSION), .loaded = cuda_text(runtime)},
      .cublas = {.built = cublas_text(CUBLAS_VERSION),
                 .loaded = cublas_text(static_cast<std::int64_t>(cublasLtGetVersion()))},
      .cudnn = {.built = cudnn_text(CUDNN_VERSION), .loaded = cudnn_text(static_cast<std::int64_t>(cudnnGetVersion()))},
      .nccl = {.built = nccl_text(NCCL_VERSION_CODE), .loaded = nccl_text(nccl)},
      .gpus = {}};
  for (int index = 0; index < count; ++index) facts.gpus.push_back(gpu_of(index, count));
  return facts;
}

}  // namespace
}  // namespace trireme::cuda

extern "C" {

void trireme_cuda_facts(trireme::CudaFacts& facts) {
  facts = trireme::cuda::read_facts();
}
}
