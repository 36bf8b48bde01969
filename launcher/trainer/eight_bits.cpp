#include "launcher/trainer/eight_bits.h"

#include "models/llama/llama.h"
#include "models/recurrent/recurrent.h"

namespace trireme::launcher {
namespace {

constexpr const char* where = "precision.compute";

// A language model's output layer of its own, or null: its product belongs to the loss.
const nn::Linear* output_of(const nn::Module& network) {
  if (const auto* llama = dynamic_cast<const models::Llama*>(&network)) return &llama->output;
  if (const auto* recurrent = dynamic_cast<const models::Recurrent*>(&network)) return &recurrent->output;
  return nullptr;
}

template <class Visit>
void for_each_linear(nn::Module& network, Visit&& visit) {
  const nn::Linear* output = output_of(network);
  for (nn::Module* module : network.modules())
    if (auto* linear = dynamic_cast<nn::Linear*>(module); linear && linear != output) visit(*linear);
}

bool suits(std::int64_t size) {
  return size % eight_bits_multiple == 0;
}

}  // namespace

std::string use_eight_bits(KnownTask& task, const Kernels& kernels) {
  if (const std::string why = kernels.why_no_eight_bits(); !why.empty()) fail(where, "fp8:", why, "- use bf16");
  int layers = 0, suited = 0;
  std::string others;  // names and sizes
  for_each_linear(task.network(), [&](nn::Linear& linear) {
    linear.eight_bits = true;
    ++layers;
    const Shape& shape = linear.weight.shape;
    if (suits(shape[0]) && suits(shape[1])) {
      ++suited;
    } else {
      others += (others.empty() ? "" : ", ") + linear.path() + " (" + std::to_string(shape[1]) + " -> " +
                std::to_string(shape[0]) + ')';
    }
  });
  const std::string multiple = std::to_string(eight_bits_multiple);
  require(suited > 0, where, "fp8: expected linear layers whose sizes are multiples of " + multiple + ", found none",
          others.empty() ? "at all" : "in " + others, "- use bf16");
  std::string text = "fp8: the products of " + std::to_string(suited) + " of " + std::to_string(layers) +
                     " linear layers have factors of 8 bits";
  if (!others.empty()) text += "; sizes that are no multiples of " + multiple + ", in bf16: " + others;
  return text;
}

std::string train_in_eight_bits(KnownTask& task, const Kernels& kernels, std::int64_t samples) {
  const std::int64_t units = task.units_per_sample(), rows = samples * units;
  if (!suits(rows))
    fail(where,
         "fp8: expected passes of so many rows that they are a multiple of " + std::to_string(eight_bits_multiple) +
             ", found",
         samples, "samples x", units, "=", rows, "- change batch.global or batch.micro, or use bf16");
  return use_eight_bits(task, kernels);
}

void leave_eight_bits(nn::Module& network) {
  for_each_linear(network, [](nn::Linear& linear) { linear.eight_bits = false; });
}

}  // namespace trireme::launcher
