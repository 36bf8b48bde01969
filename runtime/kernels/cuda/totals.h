// One sum over all elements, in double and always in the same order: blocks first, then one block over the blocks'
// sums.
#pragma once

#include <cstdint>

#include "runtime/kernels/cuda/cuda_class.h"
#include "runtime/kernels/cuda/sweep.h"
#include "runtime/kernels/cuda/team.h"

namespace trireme::cuda {

// partial[block] = the sum of op.at<n>(first) over the packs and elements of the block's threads.
template <int width, class Op>
__global__ void __launch_bounds__(block_threads) totals_kernel(double* partial, Op op, Sweep s) {
  double total = 0;
  sweep<width>(s, [&]<int n>(Width<n>, std::int64_t at) { total += op.template at<n>(at); });
  total = over_block<block_threads / warp_threads>(total, Add{});
  if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

// *y = the sum of partial[0, parts).
void finish_total(cudaStream_t stream, float* y, const double* partial, int parts);
void finish_total(cudaStream_t stream, double* y, const double* partial, int parts);

template <int width, class Op, class Out>
void sum_over(CudaDevice& device, const Op& op, const Sweep& s, Out* y) {
  const Grid grid = grid_for(s, width, device.properties().multiProcessorCount);
  const Scratch partial = device.scratch(grid.blocks * static_cast<std::int64_t>(sizeof(double)));
  launch(device.native_compute(), grid, totals_kernel<width, Op>, partial.as<double>(), op, s);
  finish_total(device.native_compute(), y, partial.as<double>(), static_cast<int>(grid.blocks));
}

}  // namespace trireme::cuda
