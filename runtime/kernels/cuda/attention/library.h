// Attention by cuDNN, for what it takes.
#pragma once

#include <memory>

#include "runtime/device/cuda/cuda_device.h"
#include "runtime/kernels/kernels.h"

namespace trireme::cuda {

// cuDNN's handle and its plans by shape. Its file alone knows what is inside.
struct AttentionEngine;
using AttentionEngineOwner = std::unique_ptr<AttentionEngine, void (*)(AttentionEngine*)>;

// The device must outlive the engine.
AttentionEngineOwner make_attention_engine(CudaDevice& device);

// As Kernels::attention() and attention_grad(). False, and nothing is done, for what is not bf16 or f16, has dropout, a
// head width that is no multiple of 8 or above 256, tensors not aligned to 16 bytes, or no engine in cuDNN. The first
// call of a shape compiles it.
bool library_attention(AttentionEngine& engine, Tensor& out, Tensor& lse, const Tensor& qkv, const Attention& how);
bool library_attention_grad(AttentionEngine& engine, Tensor& dqkv, const Tensor& dout, const Tensor& qkv,
                            const Tensor& out, const Tensor& lse, const Attention& how);

}  // namespace trireme::cuda
