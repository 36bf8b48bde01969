// The CUDA module as it was built, on a machine that may have no GPU.
#include <dlfcn.h>
#include <gtest/gtest.h>

namespace trireme::test {
namespace {

// RTLD_NOW: every function that it calls is found.
TEST(CudaModule, LoadsWithoutADriverAndHasWhatTheProgramLooksUp) {
  void* module = ::dlopen(CUDA_MODULE, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(module, nullptr) << ::dlerror();
  for (const char* name :
       {"trireme_cuda_seam", "trireme_cuda_devices", "trireme_cuda_facts", "trireme_cuda_make_device",
        "trireme_cuda_make_kernels", "trireme_nccl_identify", "trireme_nccl_make_group"})
    EXPECT_NE(::dlsym(module, name), nullptr) << name;
}

}  // namespace
}  // namespace trireme::test
