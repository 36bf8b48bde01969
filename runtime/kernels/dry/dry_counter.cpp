#include "runtime/kernels/dry/dry_counter.h"

namespace trireme {

void DryCounter::count_bytes(const char* operation, std::int64_t read, std::int64_t written, double matrix_flops) {
  OperationCount& entry = counts.by_operation[operation];
  ++entry.calls;
  entry.matrix_flops += matrix_flops;
  entry.bytes_read += read;
  entry.bytes_written += written;
  counts.matrix_flops += matrix_flops;
  counts.bytes += read + written;
}

void DryCounter::count(const char* operation, Tensors read, Tensors written, double matrix_flops) {
  const auto total = [](Tensors tensors) {
    std::int64_t bytes = 0;
    for (const Tensor* tensor : tensors)
      if (tensor != nullptr) bytes += tensor->bytes();
    return bytes;
  };
  count_bytes(operation, total(read), total(written), matrix_flops);
}

}  // namespace trireme
