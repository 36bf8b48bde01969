// Matrix products by cuBLASLt, each with the algorithm that a short timed search found best.
#pragma once

#include <memory>
#include <string>

#include "runtime/device/cuda/cuda_device.h"
#include "runtime/kernels/cuda/gemm/problem.h"

namespace trireme::cuda {

// Where a product's operands lie on the device. What its epilogue does not use is null.
struct ProductOperands {
  const void* a = nullptr;
  const void* b = nullptr;
  const void* before = nullptr;  // beta's c; the same as `c`, or another tensor of its shape
  void* c = nullptr;
  const void* bias = nullptr;      // (n), of c's elements
  void* kept = nullptr;            // (m, n), of c's elements
  void* sums = nullptr;            // (n) of gelu_gradient_sums, (m) of left_sums, of c's elements
  const float* scale_a = nullptr;  // of 8-bit operands: one number that their elements are multiplied with
  const float* scale_b = nullptr;
  float alpha = 1.0f;
  float beta = 0.0f;
};

// cuBLASLt's handle, descriptors and algorithms by product, the file of choices. Its file alone knows what is inside.
struct GemmEngine;
using GemmEngineOwner = std::unique_ptr<GemmEngine, void (*)(GemmEngine*)>;

// `choices`: the file of AlgorithmFile, or empty. The device must outlive the engine.
GemmEngineOwner make_gemm_engine(CudaDevice& device, const std::string& choices);

// Enqueues the product. False, and nothing is done, where the library has no algorithm for it. The first call for a
// product times the library's candidates, unless work is being captured; later ones use what was found.
bool run_product(GemmEngine& engine, const Product& product, const ProductOperands& operands);

// Why choices could not be kept in the file; empty: they were.
std::string trouble_of(const GemmEngine& engine);

}  // namespace trireme::cuda
