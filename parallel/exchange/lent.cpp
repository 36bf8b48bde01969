#include "parallel/exchange/lent.h"

#include <utility>
#include <vector>

namespace trireme::parallel {
namespace {

void gather(Device& device, PagedStorage& page, const Tensor& part, const ExchangePlace& place) {
  page.bring(device.allocate(page.bytes(), MemoryKind::activations));
  const Region whole{page.data(), part.numel() * place.axis.size(), part.dtype(), place.label};
  place.axis.compute().all_gather({part.raw(), part.numel(), part.dtype(), place.label}, whole, device.compute());
}

}  // namespace

Tensor lend(Context& cx, const Tensor& x, const ExchangePlace& place, Lent& lent) {
  if (x.shape().dims() == 0) fail("spread", "expected rows, found a scalar at", place.label);
  std::vector<std::int64_t> sizes(x.shape().begin(), x.shape().end());
  sizes[0] *= place.axis.size();
  lent = {x.detached(), std::make_shared<PagedStorage>(x.bytes() * place.axis.size())};
  gather(cx.device, *lent.page, lent.part, place);
  Tensor y(cx.device, lent.page, 0, Shape(sizes), x.dtype());
  record(cx, "exchange", {&x}, {&y}, [place](Gradients& g) {
    g.give(0, apply(g.kernels(), g.incoming(), g.incoming_is_mine(), Exchange::sum_parts, place));
  });
  return y;
}

Tensor give_back(Context& cx, const Tensor& y, const ExchangePlace& place, Lent& lent) {
  const Lent mine = std::exchange(lent, {});
  mine.page->release();
  Tensor same = y.detached();
  record(cx, "gather again", {&y}, {&same}, [mine, place](Gradients& g) {
    gather(g.device(), *mine.page, mine.part, place);
    g.give(0, g.incoming());
  });
  return same;
}

}  // namespace trireme::parallel
