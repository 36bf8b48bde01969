// NCCL among threads on host memory: what the group over it asks for is done at once, by the letter of NCCL's manual.
#pragma once

#include <nccl.h>

#include <cstdint>

namespace trireme::test {

// What a rank's communicators answer from now on when they are asked for errors; success takes it back.
void set_async_error(int rank, ncclResult_t error);
// Bytes of ncclMemAlloc, and registrations, that are not yet given back; of all threads.
std::int64_t memory_held();
int registrations_held();

}  // namespace trireme::test
