#include "launcher/trainer/eight_bits.h"

namespace trireme::launcher {
namespace {

constexpr const char* where = "precision.compute";

template <class Visit>
void for_each_linear(nn::Module& network, Visit&& visit) {
  for (nn::Module* module : network.modules())
    if (auto* linear = dynamic_cast<nn::Linear*>(module)) visit(*linear);
}

bool suits(std::int64_t size) {
  return size % eight_bits_multiple == 0;
}

}  // namespace

std::string EightBitLayers::text() const {
  std::string text = "fp8: the products of " + std::to_string(suited) + " of " + std::to_string(layers) +
                     " linear layers have factors of 8 bits";
  if (!others.empty())
    text += "; sizes that are no multiples of " + std::to_string(eight_bits_multiple) + ", in bf16: " + others;
  return text;
}

EightBitLayers use_eight_bits(KnownTask& task, const Kernels& kernels) {
  if (const std::string why = kernels.why_no_eight_bits(); !why.empty()) fail(where, "fp8:", why, "- use bf16");
  EightBitLayers found;
  for_each_linear(task.network(), [&](nn::Linear& linear) {
    linear.eight_bits = true;
    ++found.layers;
    const Shape& shape = linear.weight.shape;
    if (suits(shape[0]) && suits(shape[1])) {
      ++found.suited;
    } else {
      found.others += (found.others.empty() ? "" : ", ") + linear.path() + " (" + std::to_string(shape[1]) + " -> " +
                      std::to_string(shape[0]) + ')';
    }
  });
  return found;
}

void check_rows(const KnownTask& task, std::int64_t samples) {
  const std::int64_t units = task.units_per_sample(), rows = samples * units;
  if (!suits(rows))
    fail(where, "fp8: expected passes of so many rows that they are a multiple of", eight_bits_multiple, ", found",
         samples, "samples x", units, "=", rows, "- change batch.global or batch.micro, or use bf16");
}

void leave_eight_bits(nn::Module& network) {
  for_each_linear(network, [](nn::Linear& linear) { linear.eight_bits = false; });
}

}  // namespace trireme::launcher
