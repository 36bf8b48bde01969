#include "runtime/kernels/cpu/matrix_product.h"

#include <dnnl.h>
#include <omp.h>

#include "runtime/base/error.h"

namespace trireme::cpu {

SingleThreadedProducts::SingleThreadedProducts() : before_(omp_get_max_threads()) {
  if (before_ != 1) omp_set_num_threads(1);
}

SingleThreadedProducts::~SingleThreadedProducts() {
  if (before_ != 1) omp_set_num_threads(before_);
}

void multiply(const Product& p) {
  const dnnl_status_t status = dnnl_sgemm(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.rows, p.columns,
                                          p.depth, p.alpha, p.a, p.a_stride, p.b, p.b_stride, p.beta, p.c, p.c_stride);
  if (status != dnnl_success)
    fail("gemm", "expected oneDNN to multiply", p.rows, "x", p.depth, "by", p.depth, "x", p.columns, ", found status",
         static_cast<int>(status));
}

}  // namespace trireme::cpu
