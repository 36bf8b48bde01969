// Texts drawn from counters: no files, any number, the same on every machine.
#pragma once

#include <cstdint>

#include "runtime/data/labelled_text.h"

namespace trireme::data {

struct DrawnTextOptions {
  std::int64_t samples = 4000;
  std::uint64_t seed = 0;
};

// Short reviews whose verdict is "bad" or "good", as often one as the other. What decides is which of two clauses their
// conjunction gives the last word to, and whether there its judgement is negated: no single word tells. Text i is a
// function of (seed, i) alone.
LabelledTexts draw_texts(const DrawnTextOptions& options, const Tokenizer& tokenizer);

}  // namespace trireme::data
