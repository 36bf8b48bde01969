#include "runtime/device/cuda_plugin.h"

#include <dlfcn.h>

#include <array>
#include <cstdint>
#include <filesystem>

#include "runtime/base/error.h"
#include "runtime/device/cuda_facts.h"
#include "runtime/device/seam_checksum.h"

namespace trireme {
namespace {

constexpr const char* file_name = "libtrireme_cuda.so";

// The folder of the library that this function is in.
std::filesystem::path own_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&why_no_cuda), &info) == 0 || !info.dli_fname)
    fail("cuda", "the folder of this library is unknown, so", file_name, "cannot be found");
  return std::filesystem::absolute(info.dli_fname).parent_path();
}

std::string last_words() {
  const char* words = ::dlerror();
  return words ? words : "no reason given";
}

void check_driver(const std::string& driver) {
  if (::dlopen(driver.c_str(), RTLD_LAZY | RTLD_LOCAL)) return;  // stays: the plugin's libraries load it as well
  fail("cuda", "no NVIDIA driver on this machine (" + last_words() + "); install one, or use --set device=cpu");
}

}  // namespace

CudaPlugin CudaPlugin::load(const CudaPluginPlace& place) {
  const std::filesystem::path file =
      (place.folder.empty() ? own_folder() : std::filesystem::path(place.folder)) / file_name;
  if (!std::filesystem::exists(file))
    fail("cuda", "this build has no CUDA backend (no " + file.string() +
                     "); build it on a machine with the CUDA toolkit (script/bootstrap says what it needs), or use "
                     "--set device=cpu");
  check_driver(place.driver);
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library)
    fail("cuda", "the CUDA backend cannot be loaded:", last_words() + "; trireme doctor says what is there");
  CudaPlugin plugin(library);
  const std::int64_t checksum = *static_cast<const std::int64_t*>(plugin.symbol("trireme_cuda_seam"));
  require(checksum == seam_checksum, "cuda", file.string(),
          "is of another build than this program; build or install both together");
  std::array<char, 512> why{};
  plugin.devices_ = plugin.function<int(char*, int)>("trireme_cuda_devices")(why.data(), static_cast<int>(why.size()));
  require(plugin.devices_ > 0, "cuda",
          "no usable GPU:", std::string(why.data()) + "; see nvidia-smi, or use --set device=cpu");
  return plugin;
}

std::unique_ptr<Device> CudaPlugin::make_device(int index) const {
  require(index >= 0 && index < devices_, "cuda", "expected a device below", devices_, "found", index);
  return std::unique_ptr<Device>(function<Device*(int)>("trireme_cuda_make_device")(index));
}

void* CudaPlugin::symbol(const char* name) const {
  void* found = ::dlsym(library_, name);
  require(found != nullptr, "cuda", "the CUDA backend lacks", name,
          "and is of another build than this program; build or install both together");
  return found;
}

CudaFacts read_cuda_facts() {
  CudaFacts facts;
  CudaPlugin::load().function<void(CudaFacts&)>("trireme_cuda_facts")(facts);
  return facts;
}

std::string why_no_cuda(const CudaPluginPlace& place) {
  try {
    CudaPlugin::load(place);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace trireme
