#include "runtime/kernels/cpu/cpu_kernels.h"

#include "runtime/base/error.h"
#include "runtime/kernels/cpu/cpu_class.h"
#include "runtime/kernels/cpu/images/image_class.h"
#include "runtime/kernels/cpu/recurrent/recurrent_class.h"

namespace trireme {

cpu::CpuKernels::CpuKernels(int threads, const Level& level, const ImageLevel& images)
    : level_(level),
      pool_(threads),
      images_(std::make_unique<CpuImages>(
          CpuImages::Tools{.kernels = *this, .level = level, .images = images, .pool = pool_, .scratch = scratch_})),
      recurrent_(std::make_unique<CpuRecurrent>(level_, pool_, scratch_)) {}
cpu::CpuKernels::~CpuKernels() = default;

namespace {

const cpu::ImageLevel& image_level_of(CpuLevel level) {
  switch (level) {
    case CpuLevel::base: return cpu::base::image_level();
    case CpuLevel::v3: return cpu::v3::image_level();
    case CpuLevel::v4: return cpu::v4::image_level();
  }
  fail("cpu", "expected an instruction set, found number", static_cast<int>(level));
}

const cpu::Level& level_of(CpuLevel level) {
  switch (level) {
    case CpuLevel::base: return cpu::base::level();
    case CpuLevel::v3: return cpu::v3::level();
    case CpuLevel::v4: return cpu::v4::level();
  }
  fail("cpu", "expected an instruction set, found number", static_cast<int>(level));
}

bool has_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") &&
         __builtin_cpu_supports("movbe");
}

bool has_v4() {
  return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

}  // namespace

std::vector<CpuLevel> cpu_levels() {
  std::vector<CpuLevel> levels{CpuLevel::base};
  if (has_v3()) levels.push_back(CpuLevel::v3);
  if (has_v4()) levels.push_back(CpuLevel::v4);
  return levels;
}

std::string cpu_instruction_set() {
  return level_of(cpu_levels().back()).name;
}

std::unique_ptr<Kernels> make_cpu_kernels(int threads) {
  return make_cpu_kernels(threads, cpu_levels().back());
}

std::unique_ptr<Kernels> make_cpu_kernels(int threads, CpuLevel level) {
  require(threads >= 1, "cpu", "expected at least one thread, found", threads);
  require(level <= cpu_levels().back(), "cpu", "expected an instruction set that this processor has, up to",
          cpu_instruction_set(), ", found", level_of(level).name);
  return std::make_unique<cpu::CpuKernels>(threads, level_of(level), image_level_of(level));
}

}  // namespace trireme
