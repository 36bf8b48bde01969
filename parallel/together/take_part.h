// An error on one rank in the middle of what all do.
#pragma once

#include <exception>

#include "collectives/group/group.h"

namespace trireme::parallel {

// Tells the other ranks that this one leaves, and why; then waits until what the communication stream still does for
// them has ended, which without the others would last until the deadline.
void leave_in_the_middle(Group& group, Device& device, const std::exception& why) noexcept;

// Runs `work`, in which the ranks exchange something. If it throws, none of it is under way any more when the error
// goes on: the communication stream uses neither groups nor memory nor timelines. `group` is any group of the ranks.
template <class Work>
auto take_part(Group& group, Device& device, const Work& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    leave_in_the_middle(group, device, error);
    throw;
  }
}

}  // namespace trireme::parallel
