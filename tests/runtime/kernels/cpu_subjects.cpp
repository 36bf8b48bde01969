#include "runtime/device/cpu/cpu_device.h"
#include "runtime/kernels/cpu/cpu_kernels.h"
#include "tests/runtime/kernels/subjects.h"

namespace trireme::test {
namespace {

std::string word_for(CpuLevel level) {
  switch (level) {
    case CpuLevel::base: return "cpu_base";
    case CpuLevel::v3: return "cpu_v3";
    case CpuLevel::v4: return "cpu_v4";
  }
  return "cpu_unknown";
}

}  // namespace

// The cpu kernels once per instruction set, and the reference itself, whose rounding to 16 bits is checked that way.
std::vector<Subject> subjects() {
  std::vector<Subject> result{{"reference", [](int threads) { return make_backend("reference", threads); }}};
  for (CpuLevel level : cpu_levels())
    result.push_back({word_for(level), [level](int threads) {
                        return Backend{make_cpu_device(), make_cpu_kernels(threads, level)};
                      }});
  return result;
}

}  // namespace trireme::test
