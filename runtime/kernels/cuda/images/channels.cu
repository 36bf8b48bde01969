#include "runtime/kernels/cuda/images/image_class.h"
#include "runtime/kernels/cuda/sweep.h"

namespace trireme::cuda {
namespace {

// Words of any size: channels are copied as they are.
template <class Word>
struct CopyChannels {
  Word* y;
  const Word* x;
  std::int64_t y_row, x_row, count, rows;
};

template <class Word>
__global__ void __launch_bounds__(block_threads) copy_channels_kernel(CopyChannels<Word> copy) {
  const std::int64_t all = copy.rows * copy.count;
  for (std::int64_t i = thread_index(); i < all; i += thread_count()) {
    const std::int64_t row = i / copy.count, c = i % copy.count;
    copy.y[row * copy.y_row + c] = copy.x[row * copy.x_row + c];
  }
}

}  // namespace

void CudaImages::copy_channels(Tensor& y, std::int64_t y_first, const Tensor& x, std::int64_t x_first,
                               std::int64_t count) {
  const std::int64_t size = size_of(x.dtype()), rows = x.size(-1) == 0 ? 0 : x.numel() / x.size(-1);
  if (rows * count == 0) return;
  const auto copy = [&]<class Word>(Word) {
    const auto words = [&](std::int64_t elements) { return elements * size / static_cast<std::int64_t>(sizeof(Word)); };
    launch(stream_, grid_for(rows * words(count), multiprocessors()), copy_channels_kernel<Word>,
           {.y = reinterpret_cast<Word*>(y.raw() + y_first * size),
            .x = reinterpret_cast<const Word*>(x.raw() + x_first * size),
            .y_row = words(y.size(-1)),
            .x_row = words(x.size(-1)),
            .count = words(count),
            .rows = rows});
  };
  const auto all_multiples_of = [&](std::int64_t bytes) {
    const auto address = reinterpret_cast<std::uintptr_t>(y.raw()) | reinterpret_cast<std::uintptr_t>(x.raw());
    return (static_cast<std::int64_t>(address) | y_first * size | x_first * size | y.size(-1) * size |
            x.size(-1) * size | count * size) %
               bytes ==
           0;
  };
  if (all_multiples_of(8)) return copy(std::uint64_t{});
  if (all_multiples_of(4)) return copy(std::uint32_t{});
  if (all_multiples_of(2)) return copy(std::uint16_t{});
  copy(std::uint8_t{});
}

}  // namespace trireme::cuda
