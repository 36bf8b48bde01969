#include "runtime/device/cuda_plugin.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::test {
namespace {

// A library that is there on every machine stands for the driver, where one is to be.
constexpr const char* present = "libc.so.6";

// The one line of why_no_cuda(), after a check that it is one line with words to mend it.
std::string why(const CudaPluginPlace& place) {
  const std::string text = why_no_cuda(place);
  EXPECT_TRUE(text.starts_with("[cuda] ")) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  EXPECT_THROW(CudaPlugin::load(place), Error);
  return text;
}

void expect_words(const std::string& text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) EXPECT_NE(text.find(word), std::string::npos) << text;
}

TEST(CudaPlugin, AbsentFromTheBuild) {
  expect_words(why({.folder = "/nowhere", .driver = present}),
               {"this build has no CUDA backend (no /nowhere/libtrireme_cuda.so)", "script/bootstrap", "device=cpu"});
}

TEST(CudaPlugin, NoDriver) {
  expect_words(why({.folder = FAKE_PLUGINS "/good", .driver = "libno_such_driver.so.1"}),
               {"no NVIDIA driver on this machine (libno_such_driver.so.1: cannot open", "install one", "device=cpu"});
}

TEST(CudaPlugin, NoDevice) {
  expect_words(why({.folder = FAKE_PLUGINS "/no_device", .driver = present}),
               {"no usable GPU: no CUDA-capable device is detected", "nvidia-smi"});
}

TEST(CudaPlugin, OfAnotherBuild) {
  expect_words(why({.folder = FAKE_PLUGINS "/other_build", .driver = present}),
               {"is of another build than this program", "build or install both together"});
}

TEST(CudaPlugin, NoPluginAtAll) {
  expect_words(why({.folder = FAKE_PLUGINS "/empty", .driver = present}), {"lacks trireme_cuda_seam", "another build"});
}

TEST(CudaPlugin, ALibraryThatCannotBeLoaded) {
  const ScratchFolder folder;
  folder.write("libtrireme_cuda.so", "not a library");
  expect_words(why({.folder = folder.path(), .driver = present}), {"cannot be loaded: ", "trireme doctor"});
}

TEST(CudaPlugin, MakesTheDevicesThatThereAre) {
  const CudaPluginPlace place{.folder = FAKE_PLUGINS "/good", .driver = present};
  EXPECT_EQ(why_no_cuda(place), "");
  const CudaPlugin plugin = CudaPlugin::load(place);
  EXPECT_EQ(plugin.devices(), 2);
  EXPECT_NE(plugin.make_device(1), nullptr);
  EXPECT_THROW(plugin.make_device(2), Error);
  EXPECT_THROW(plugin.make_device(-1), Error);
  EXPECT_THROW(plugin.function<int()>("trireme_no_such_function"), Error);
}

}  // namespace
}  // namespace trireme::test
