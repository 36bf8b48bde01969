// What dry kernels count.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>

#include "runtime/tensor/tensor.h"

namespace trireme {

struct OperationCount {
  std::int64_t calls = 0;
  double matrix_flops = 0;
  std::int64_t bytes_read = 0;
  std::int64_t bytes_written = 0;
};

// Rules of counting:
//  - a product (M, K) (K, N) is 2 M N K FLOPs; a convolution, in each of its three passes, 2 times the elements of y
//    times what one of them is a sum of, places over padding included;
//  - attention counts the full T x T square even where causal: 4 B H T T D forward and twice that backward, so that
//    figures agree with the usual formula of a GPT's step; everything else counts no matrix FLOPs;
//  - every input element is read once and every output element written once: what a fused, blocked kernel moves.
struct Counts {
  double matrix_flops = 0;
  double eight_bit_flops = 0;                          // those of products whose factors are rounded to 8 bits
  std::int64_t bytes = 0;                              // read and written
  std::map<std::string, OperationCount> by_operation;  // by the name of the kernel: "gemm", "layer_norm_grad", ...
};

class DryCounter {
 public:
  // Null tensors count nothing.
  using Tensors = std::initializer_list<const Tensor*>;
  void count(const char* operation, Tensors read, Tensors written, double matrix_flops = 0);
  void count_bytes(const char* operation, std::int64_t read, std::int64_t written, double matrix_flops);

  Counts counts;
};

}  // namespace trireme
