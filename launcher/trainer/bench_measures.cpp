#include "launcher/trainer/bench_measures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <sstream>

namespace trireme::launcher {

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double process_age() {
  std::ifstream stat("/proc/self/stat");
  std::string text;
  std::getline(stat, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string field;
  for (int i = 0; i < 20; ++i) fields >> field;  // field 22 of the line: start time in ticks since boot
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) -
         std::stod(field) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double peak_rss_mb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

DType dtype_of_bench(const std::string& name) {
  if (name == "fp32") return DType::f32;
  if (name == "bf16" || name == "fp8") return DType::bf16;
  if (name == "fp16") return DType::f16;
  fail("bench step", "expected fp32, bf16, fp16 or fp8 as --dtype, found", name);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

double gemm_rate(Backend& backend, DType dtype) {
  const bool gpu = backend.device->type() == DeviceType::cuda;
  const std::int64_t m = gpu ? 8192 : 3072, n = gpu ? 8192 : 1536, k = gpu ? 8192 : 384;
  Tensor a = empty(*backend.device, {m, k}, dtype), b = empty(*backend.device, {n, k}, dtype),
         c = empty(*backend.device, {m, n}, dtype);
  backend.kernels->random(a, {.key = {1, 1}});
  backend.kernels->random(b, {.key = {2, 2}});
  double best = 0.0;
  for (int i = 0; i < 12; ++i) {
    const auto start = Clock::now();
    backend.kernels->gemm(c, a, b, {.transpose_b = true});
    backend.device->compute().synchronize();
    best = std::max(best, 2e-9 * static_cast<double>(m * n * k) / seconds_since(start));
  }
  return best;
}

void largest_over_ranks(std::span<double> values, Backend& backend, Group& world) {
  Tensor all = from_host<double>(*backend.device, values, {static_cast<std::int64_t>(values.size())});
  world.all_reduce({all.raw(), all.numel(), DType::f64, "timings"}, Reduction::max, backend.device->compute());
  backend.device->copy_to_host(values.data(), all.raw(), all.bytes());
}

}  // namespace trireme::launcher
