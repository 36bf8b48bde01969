// precision.compute: fp8 for a network's linear layers.
#pragma once

#include <cstdint>
#include <string>

#include "launcher/trainer/tasks.h"
#include "runtime/kernels/kernels.h"

namespace trireme::launcher {

struct EightBitLayers {
  int layers = 0;            // linear ones that this rank holds
  int suited = 0;            // those whose sizes here are multiples of 16: their products have factors of 8 bits
  std::string others = {};   // the names and sizes of the others, which compute in bf16
  std::string text() const;  // for the person who started the run
};
// Sets all linear layers to it. Throws Error where the kernels cannot do it.
EightBitLayers use_eight_bits(KnownTask& task, const Kernels& kernels);
// Throws Error unless the passes of a training step, of `samples` samples, have rows that 8 bits suit.
void check_rows(const KnownTask& task, std::int64_t samples);
// For the generation of text, token by token: sizes are seldom suited, and all of it is done in bf16.
void leave_eight_bits(nn::Module& network);

}  // namespace trireme::launcher
