// Text from a language model, token by token.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/decoder/decoder.h"
#include "runtime/data/tokenizer.h"
#include "runtime/kernels/backend.h"

namespace trireme::launcher {

struct SampleOptions {
  std::string prompt = "\n";
  std::int64_t tokens = 200;  // to add
  double temperature = 0.8;   // divides the logits; 0 takes the likeliest token
  std::int64_t top_k = 40;    // choose among this many of the likeliest; 0: among all
  std::uint64_t seed = 1;
  std::function<void()> between = {};  // called before each token; what it throws ends the text
};

// The prompt's continuation. Beyond the model's sequence length the oldest half of the text is forgotten. Tokens the
// tokenizer does not have (a padded vocabulary) are never drawn. `dtype` is the one the model computes in.
std::string sample_text(models::Decoder& model, Backend& backend, DType dtype, const data::Tokenizer& tokenizer,
                        const SampleOptions& options);

}  // namespace trireme::launcher
