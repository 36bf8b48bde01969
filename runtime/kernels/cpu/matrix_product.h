// oneDNN's fp32 matrix product on the calling thread alone.
#pragma once

#include <cstdint>

namespace trireme::cpu {

// While one lives, the products that this thread calls use this thread only. oneDNN splits a product by the number of
// OpenMP threads, and with it the order of summation; here blocks are split by shape and threads take whole blocks.
class SingleThreadedProducts {
 public:
  SingleThreadedProducts();
  SingleThreadedProducts(const SingleThreadedProducts&) = delete;
  SingleThreadedProducts& operator=(const SingleThreadedProducts&) = delete;
  ~SingleThreadedProducts();

 private:
  int before_;
};

// c (rows, columns) = alpha op(a) op(b) + beta c, row-major with strides; op transposes where asked.
struct Product {
  const float* a;
  const float* b;
  float* c;
  std::int64_t a_stride, b_stride, c_stride;
  std::int64_t rows, columns, depth;
  bool transpose_a, transpose_b;
  float alpha, beta;
};
void multiply(const Product& product);

}  // namespace trireme::cpu
