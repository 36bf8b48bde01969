// Storage whose bytes come and go while tensors that view it stay: weights that are gathered before use and let go
// after it, gradients that live until they are reduced (ZeRO, Rajbhandari et al. 2020).
#pragma once

#include <memory>
#include <utility>

#include "runtime/device/device.h"

namespace trireme {

class PagedStorage : public Storage {
 public:
  explicit PagedStorage(std::int64_t bytes) noexcept : Storage(nullptr, bytes) {}

  bool present() const noexcept { return page_ != nullptr; }
  // From now on the bytes are those of `page`, from its byte `offset` on.
  void bring(std::shared_ptr<Storage> page, std::int64_t offset = 0) {
    page_ = std::move(page);
    set_data(page_->data() ? page_->data() + offset : nullptr);
  }
  // The page, which nobody sees here any more.
  std::shared_ptr<Storage> release() {
    set_data(nullptr);
    return std::exchange(page_, nullptr);
  }

 private:
  std::shared_ptr<Storage> page_;
};

}  // namespace trireme
