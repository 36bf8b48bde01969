// A yes on one rank is a yes on all.
#pragma once

#include <string_view>

#include "collectives/group/group.h"

namespace trireme::parallel {

// Whether `mine` is true on any rank; `what` names the question in messages and must be a literal. Collective.
bool any_rank(bool mine, std::string_view what, Device& device, Group& group, Stream& stream);

}  // namespace trireme::parallel
