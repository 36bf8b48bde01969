// What every backend refuses, in the same words, before any rank waits.
#pragma once

#include <string_view>

#include "collectives/group/group.h"

namespace trireme::collectives {

// Numbers that can be added and compared.
void check_reduced(std::string_view operation, const Region& region);
// `whole` is as many times `part` as the group has ranks.
void check_parts(const Group& group, std::string_view operation, const Region& part, const Region& whole);
// The two sides of an all-to-all.
void check_exchange(const Group& group, const Region& in, const Region& out);
void check_root(const Group& group, int root);
// Another rank of the group.
void check_peer(const Group& group, std::string_view operation, int peer);

}  // namespace trireme::collectives
