// The CUDA backend's way in. It is a library of its own (libtrireme_cuda.so, beside this one), loaded when a cuda
// device is first asked for: so a program starts without CUDA's libraries, and on machines that have none.
#pragma once

#include <memory>
#include <string>

#include "runtime/device/device.h"

namespace trireme {

// Where to look; the defaults are what a program uses.
struct CudaPluginPlace {
  std::string folder = {};              // of the plugin; empty: the folder of this library
  std::string driver = "libcuda.so.1";  // as dlopen finds it
};

// The plugin, once loaded, stays in the process: copies of this are only ways to it.
class CudaPlugin {
 public:
  // Each of these is an Error of its own, in one line that says how to mend it: no plugin beside the program; no
  // driver; a plugin of another build, or one whose libraries are missing; no device that the driver lets us use.
  static CudaPlugin load(const CudaPluginPlace& place = {});

  // At least one.
  int devices() const noexcept { return devices_; }
  // Device `index` of this host. Throws Error where there is none of that index.
  std::unique_ptr<Device> make_device(int index) const;
  // What else the plugin makes, by name; the rooms that know the types ask for it. Throws Error for an unknown name.
  template <class Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(symbol(name));
  }

 private:
  explicit CudaPlugin(void* library) noexcept : library_(library) {}
  void* symbol(const char* name) const;

  void* library_;
  int devices_ = 0;
};

// Why no cuda device can be used here, in one line; empty where one can.
std::string why_no_cuda(const CudaPluginPlace& place = {});

}  // namespace trireme
