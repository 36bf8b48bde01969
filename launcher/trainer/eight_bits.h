// precision.compute: fp8 for a network's linear layers.
#pragma once

#include <cstdint>
#include <string>

#include "launcher/trainer/tasks.h"
#include "runtime/kernels/kernels.h"

namespace trireme::launcher {

// Sets all linear layers of the network that this rank holds to it, and says what that means: which of them are suited,
// since their sizes are multiples of 16, and that the others compute in bf16. Throws Error where the kernels cannot do
// it, and where no layer is suited.
std::string use_eight_bits(KnownTask& task, const Kernels& kernels);
// The same for training with passes of `samples` samples. Throws Error also where their rows do not suit.
std::string train_in_eight_bits(KnownTask& task, const Kernels& kernels, std::int64_t samples);
// For the generation of text, token by token: sizes are seldom suited, and all of it is done in bf16.
void leave_eight_bits(nn::Module& network);

}  // namespace trireme::launcher
