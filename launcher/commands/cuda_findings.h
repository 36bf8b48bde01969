// What a machine's GPUs and CUDA's libraries are, and where they do not fit together.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "launcher/commands/findings.h"
#include "runtime/device/cuda_facts.h"

namespace trireme::launcher {

// One finding each for the libraries, the GPUs and the ways between them. `driver_module` is the version of the
// kernel's part of the driver, "" where unknown; `adapters` are the network adapters that reach GPU memory, as in
// "mlx5_0".
std::vector<Finding> cuda_findings(const CudaFacts& facts, const std::string& driver_module,
                                   const std::vector<std::string>& adapters);
// Of this machine; where no GPU can be used, the one finding that says why.
std::vector<Finding> examine_cuda();

// What must be alike on all ranks, in a line: "driver 13.0, CUDA 13.0, cuBLAS 13.1.0, cuDNN 9.19.0, NCCL 2.28.9, 8 x
// NVIDIA H200"; without a GPU, why.
std::string cuda_line();
// Compares the lines of all ranks; the finding says which ranks differ from the first one.
Finding compare_ranks(std::span<const std::string> lines);

}  // namespace trireme::launcher
