#include "parallel/exchange/exchange.h"

#include <utility>
#include <vector>

namespace trireme::parallel {
namespace {

// `x` to do with as one likes: itself where nobody else holds it.
Tensor own(Kernels& kernels, const Tensor& x, bool mine) {
  if (mine) return x.detached();
  Tensor copy = empty_like(x);
  kernels.cast(copy, x);
  return copy;
}

Shape with_rows(const Shape& shape, std::int64_t rows) {
  std::vector<std::int64_t> sizes(shape.begin(), shape.end());
  sizes[0] = rows;
  return Shape(sizes);
}

void expect_parts(Exchange how, const Tensor& x, const ExchangePlace& place) {
  if (x.shape().dims() > 0 && x.size(0) % place.axis.size() == 0) return;
  fail(name_of(how), "expected rows that the", place.axis.size(), "ranks of axis", place.axis.name(),
       "share equally, found", x.shape(), "at", place.label);
}

Region region_of(const Tensor& x, const ExchangePlace& place) {
  return {x.raw(), x.numel(), x.dtype(), place.label};
}

}  // namespace

Tensor apply(Kernels& kernels, const Tensor& x, bool mine, Exchange how, const ExchangePlace& place) {
  const Axis& axis = place.axis;
  Device& device = x.device();
  switch (how) {
    case Exchange::copy: return x.detached();
    case Exchange::sum: {
      const Tensor y = own(kernels, x, mine);
      axis.compute().all_reduce(region_of(y, place), Reduction::sum, device.compute());
      return y;
    }
    case Exchange::spread:
    case Exchange::gather: {
      if (x.shape().dims() == 0) fail(name_of(how), "expected rows, found a scalar at", place.label);
      const Tensor y = empty(device, with_rows(x.shape(), x.size(0) * axis.size()), x.dtype());
      axis.compute().all_gather(region_of(x, place), region_of(y, place), device.compute());
      return y;
    }
    case Exchange::sum_parts: {
      expect_parts(how, x, place);
      const Tensor terms = own(kernels, x, mine);  // is clobbered
      const Tensor y = empty(device, with_rows(x.shape(), x.size(0) / axis.size()), x.dtype());
      axis.compute().reduce_scatter(region_of(terms, place), region_of(y, place), Reduction::sum, device.compute());
      return y;
    }
    case Exchange::slice: {
      expect_parts(how, x, place);
      const std::int64_t rows = x.size(0) / axis.size(), begin = rows * axis.index();
      return x.rows(begin, begin + rows);
    }
  }
  fail("exchange", "unknown exchange");
}

std::string_view name_of(Exchange how) {
  switch (how) {
    case Exchange::copy: return "copy";
    case Exchange::sum: return "sum";
    case Exchange::spread: return "spread";
    case Exchange::sum_parts: return "sum_parts";
    case Exchange::gather: return "gather";
    case Exchange::slice: return "slice";
  }
  return "";
}

Exchange conjugate(Exchange how) {
  switch (how) {
    case Exchange::copy: return Exchange::sum;
    case Exchange::sum: return Exchange::copy;
    case Exchange::spread: return Exchange::sum_parts;
    case Exchange::sum_parts: return Exchange::spread;
    case Exchange::gather: return Exchange::slice;
    case Exchange::slice: return Exchange::gather;
  }
  fail("exchange", "unknown exchange");
}

Tensor exchange(Context& cx, const Tensor& x, Exchange how, const ExchangePlace& place) {
  if (place.axis.size() == 1) return x;
  const bool mine = !x.mark.leaf && x.storage().use_count() == 1;
  Tensor y = apply(cx.kernels, x, mine, how, place);
  record(cx, "exchange", {&x}, {&y}, [how = conjugate(how), place](Gradients& g) {
    g.give(0, apply(g.kernels(), g.incoming(), g.incoming_is_mine(), how, place));
  });
  return y;
}

}  // namespace trireme::parallel
