// Rows that are spread for as long as they are used (Korthikanti et al. 2022): a layer needs all of them in its forward
// pass and again for its weights' gradient, and in between they would be most of what a split model keeps.
#pragma once

#include <memory>

#include "parallel/exchange/exchange.h"
#include "runtime/tensor/paged_storage.h"

namespace trireme::parallel {

// What passes from lend() to give_back(); one pass at a time.
struct Lent {
  Tensor part;  // this rank's rows
  std::shared_ptr<PagedStorage> page;
};

// exchange(cx, x, Exchange::spread, place), into memory that goes with give_back(). Collective.
Tensor lend(Context& cx, const Tensor& x, const ExchangePlace& place, Lent& lent);
// `y` as it is, computed from what was lent: its rows' memory goes, and is there again, gathered once more, when the
// backward pass comes here; then it lives as long as somebody refers to it. Collective, in the backward pass too.
Tensor give_back(Context& cx, const Tensor& y, const ExchangePlace& place, Lent& lent);

}  // namespace trireme::parallel
