// Captured work as a CUDA graph.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <memory>

#include "runtime/device/cuda/memory.h"
#include "runtime/device/device.h"

namespace trireme::cuda {

// Captures what `work` enqueues; throws what `work` throws, with nothing left behind.
std::unique_ptr<Replay> capture(const std::shared_ptr<Memory>& memory, const std::function<void()>& work);

}  // namespace trireme::cuda
