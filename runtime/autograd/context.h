// One pass through a model: where it computes, whether it records, and which random numbers it draws.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "runtime/autograd/tape.h"

namespace trireme {

struct Context {
  Device& device;
  Kernels& kernels;
  Tape* tape = nullptr;   // null: no gradients (evaluation, generation)
  bool training = false;  // dropout is on
  std::uint64_t seed = 0;
  std::int64_t step = 0;
  std::int64_t first_sample = 0;  // index in the global batch of this pass's first sample
  std::int64_t samples = 1;       // samples in this pass: the outermost dimension of its inputs
  const Tensor* state = nullptr;  // a StepState whose `step` counts instead, for steps that are captured and replayed

  // The random numbers of one place in the model ("h.3.attn.dropout") at this step, for a tensor whose elements are
  // grouped by sample: whichever rank computes a sample, it draws the same numbers.
  Dropout dropout(std::string_view site, float probability, std::int64_t elements) const {
    return {.probability = probability,
            .key = {seed, hash_name(site)},
            .first = first_sample * (elements / samples),
            .step = step,
            .state = state};
  }
};

// Records on the context's tape, if it has one.
inline void record(Context& cx, const char* name, std::initializer_list<const Tensor*> inputs,
                   std::initializer_list<Tensor*> outputs, Tape::Backward backward) {
  if (cx.tape)
    cx.tape->record(name, std::span(inputs.begin(), inputs.size()), std::span(outputs.begin(), outputs.size()),
                    std::move(backward));
}

}  // namespace trireme
