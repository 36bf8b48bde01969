// The suite that every backend of the Group seam passes: each check is made by all ranks of a group, on small integers
// that are exact in bf16, and compares with ==.
#pragma once

#include "collectives/group/group.h"
#include "runtime/device/device.h"

namespace trireme::test {

// Every operation, for every dtype, for counts from none to several pieces of the staging memory.
void check_all_reduce(Group& group, Device& device);
void check_all_gather(Group& group, Device& device);
void check_reduce_scatter(Group& group, Device& device);
void check_broadcast(Group& group, Device& device);
void check_all_to_all(Group& group, Device& device);
void check_send_recv(Group& group, Device& device);
void check_barrier(Group& group, Device& device);
// The same operations on memory of Group::allocate.
void check_windows(Group& group, Device& device);
// Sub-groups in another order, used side by side with their parent.
void check_split(Group& group, Device& device);
// Many operations in an order drawn from `seed`, on two groups and two streams at once.
void check_random_order(Group& group, Device& device, unsigned seed);
// Sums of awkward fp32 and 16-bit numbers, as one number that must not depend on run, rank or transport.
std::uint64_t checksum_of_sums(Group& group, Device& device);

}  // namespace trireme::test
