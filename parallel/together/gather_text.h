// Every rank's text, on every rank.
#pragma once

#include <string>
#include <vector>

#include "collectives/group/group.h"

namespace trireme::parallel {

// Texts of different lengths, in rank order. Collective.
std::vector<std::string> gather_text(const std::string& mine, Device& device, Group& group, Stream& stream);

}  // namespace trireme::parallel
