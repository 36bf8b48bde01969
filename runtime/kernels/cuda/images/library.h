// Convolutions by cuDNN, for what it takes.
#pragma once

#include <memory>

#include "runtime/device/cuda/cuda_device.h"
#include "runtime/kernels/cuda/images/convolution_shape.h"

namespace trireme::cuda {

// cuDNN's handle and its plans by shape. Its file alone knows what is inside.
struct ConvolutionEngine;
using ConvolutionEngineOwner = std::unique_ptr<ConvolutionEngine, void (*)(ConvolutionEngine*)>;

// The device must outlive the engine.
ConvolutionEngineOwner make_convolution_engine(CudaDevice& device);

enum class ConvolutionDirection : std::uint8_t { forward, input_gradient, weight_gradient };

// Device memory of a convolution's three tensors, of the shape's dtypes and aligned to 16 bytes; which of them is the
// result follows from the direction.
struct ConvolutionMemory {
  void* x;
  void* weights;
  void* y;
};

// False, and nothing is done, where cuDNN has no engine. The first call of a shape compiles it.
bool library_convolution(ConvolutionEngine& engine, ConvolutionDirection direction, const ConvolutionShape& shape,
                         const ConvolutionMemory& memory);

}  // namespace trireme::cuda
