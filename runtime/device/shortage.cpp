#include "runtime/device/shortage.h"

#include <cstdio>

namespace trireme {
namespace {

std::string size_text(std::int64_t bytes) {
  constexpr double mebi = 1 << 20, gibi = 1 << 30;
  const auto value = static_cast<double>(bytes);
  char text[32];
  if (value >= gibi)
    std::snprintf(text, sizeof text, "%.1f GiB", value / gibi);
  else if (value >= mebi)
    std::snprintf(text, sizeof text, "%.1f MiB", value / mebi);
  else
    std::snprintf(text, sizeof text, "%lld bytes", static_cast<long long>(bytes));
  return text;
}

std::int64_t of_kind(const MemoryReport& report, MemoryKind kind) {
  return report.live_by_kind[static_cast<std::size_t>(kind)];
}

std::string held(const MemoryShortage& shortage) {
  std::string text;
  std::int64_t sum = 0;
  const auto add = [&](std::string_view name, std::int64_t bytes) {
    sum += bytes;
    if (bytes > 0) text += (text.empty() ? "" : ", ") + std::string(name) + ' ' + size_text(bytes);
  };
  for (int kind = 0; kind < memory_kinds; ++kind)
    add(name_of(static_cast<MemoryKind>(kind)), shortage.tensors.live_by_kind[static_cast<std::size_t>(kind)]);
  add("kernels", shortage.scratch);
  add("the captured step", shortage.reserved);
  add("smaller free pieces", shortage.unused);
  // CUDA itself and other processes.
  if (const std::int64_t others = shortage.total - shortage.free - sum; others >= 1 << 20) add("others", others);
  return text;
}

std::string advice(const MemoryReport& tensors) {
  const std::int64_t activations = of_kind(tensors, MemoryKind::activations);
  const std::int64_t state = of_kind(tensors, MemoryKind::weights) + of_kind(tensors, MemoryKind::gradients) +
                             of_kind(tensors, MemoryKind::optimizer);
  const std::string batch = "a smaller batch.micro, recompute: block, or 16-bit precision.compute";
  if (activations >= state) return batch;
  return "a smaller model, an optimizer with fewer moments, or " + batch;
}

}  // namespace

std::string describe(const MemoryShortage& shortage) {
  return "could not allocate " + size_text(shortage.bytes) + " (" + shortage.purpose + ") on " + shortage.device +
         ": " + size_text(shortage.free) + " of " + size_text(shortage.total) + " are free; held: " + held(shortage) +
         "; what helps: " + advice(shortage.tensors);
}

}  // namespace trireme
