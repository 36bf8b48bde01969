#include "parallel/together/take_part.h"

namespace trireme::parallel {

void leave_in_the_middle(Group& group, Device& device, const std::exception& why) noexcept {
  group.abort(why.what());
  try {
    device.communication().synchronize();
  } catch (const std::exception&) {  // what it died of follows from this
  }
}

}  // namespace trireme::parallel
