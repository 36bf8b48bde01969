#include <gtest/gtest.h>

#include "runtime/kernels/cuda/dnn/status.h"

namespace trireme::cuda::dnn {
namespace {

TEST(CudnnVersion, ThatIsTooOldIsOneClearError) {
  EXPECT_NO_THROW(check_version());
  EXPECT_NO_THROW(check_version(90800));
  EXPECT_NO_THROW(check_version(100000));
  try {
    check_version(90701);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(
        std::string(error.what()),
        "[cuda] expected cuDNN 9.8.0 or newer, found 9.7.1 - install a newer one, or see what LD_LIBRARY_PATH puts "
        "first");
  }
}

}  // namespace
}  // namespace trireme::cuda::dnn
