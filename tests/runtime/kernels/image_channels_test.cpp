#include "runtime/kernels/image_kernels.h"
#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {
namespace {

class ImageChannels : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Backends, ImageChannels, ::testing::ValuesIn(every_dtype()), test_name);

TEST_P(ImageChannels, AreCopiedAndTheOthersStay) {
  struct Case {
    std::int64_t y_channels, y_first, x_channels, x_first, count;
  };
  for (const Case& c :
       {Case{5, 2, 3, 0, 3}, {16, 8, 8, 0, 8}, {7, 0, 65, 20, 7}, {64, 4, 64, 8, 48}, {6, 2, 4, 4, 0}}) {
    Argument x = input({2, 3, 5, c.x_channels}), y = input({2, 3, 5, c.y_channels});
    both([&](Kernels& k, Side s) { k.images().copy_channels(y[s], c.y_first, x[s], c.x_first, c.count); });
    EXPECT_TRUE(agrees(y, Tolerance{})) << c.y_channels << " " << c.x_channels;
  }
}

}  // namespace
}  // namespace trireme::test
