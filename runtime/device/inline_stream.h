// A stream whose work runs in the calling thread, at once.
#pragma once

#include <functional>

#include "runtime/device/device.h"

namespace trireme {

class InlineStream : public Stream {
 public:
  void run(std::function<void()> work) override { work(); }
  Event record() override { return Event{}; }
  void wait(const Event& event) override { event.wait(); }
  void synchronize() override {}
};

}  // namespace trireme
