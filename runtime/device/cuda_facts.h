// What a machine with GPUs consists of, as the CUDA module sees it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trireme {

// A library that the module stands on.
struct LibraryVersion {
  std::string built;   // "13.0": the headers that the module was compiled with
  std::string loaded;  // the library that runs
};

// The oldest cuDNN that has what our graphs are made of, as cudnnGetVersion() counts: 9.8.0.
inline constexpr std::int64_t least_cudnn = 90800;

// How data gets from one GPU to another, best first.
enum class GpuLink : std::uint8_t { same, nvlink, peer, host };

struct GpuFacts {
  std::string name;
  std::string pci;     // "0000:0f:00.0"
  int capability = 0;  // 90 for 9.0
  std::int64_t memory = 0;
  std::int64_t free = 0;
  int numa = -1;               // node of the host's memory next to it; -1: unknown
  std::vector<GpuLink> links;  // to each GPU, by index
};

struct CudaFacts {
  std::string driver;  // the newest CUDA that the driver can run, "13.0"
  LibraryVersion runtime, cublas, cudnn, nccl;
  std::vector<GpuFacts> gpus;
};

// Throws the Error of CudaPlugin::load() where there is nothing to be seen.
CudaFacts read_cuda_facts();

}  // namespace trireme
