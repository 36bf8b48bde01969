#include "tests/collectives/nccl/fake_nccl.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "collectives/host/reduce.h"

// The ranks that belong together, and where they meet.
struct Meeting {
  explicit Meeting(int ranks)
      : size(ranks), inputs(static_cast<std::size_t>(ranks)), colors(inputs.size()), keys(inputs.size()) {}

  const int size;
  std::mutex mutex;
  std::condition_variable changed;
  int started = 0;  // ranks that have come at all
  int waiting = 0;
  std::int64_t round = 0;
  bool aborted = false;
  std::vector<const std::byte*> inputs;
  std::vector<int> colors, keys;
  std::map<std::pair<int, int>, std::deque<std::vector<std::byte>>> letters;
  std::map<int, std::shared_ptr<Meeting>> parts;  // of the split under way

  // Until all have come here; false once one has aborted.
  bool meet() {
    std::unique_lock lock(mutex);
    const std::int64_t mine = round;
    if (++waiting == size) {
      waiting = 0;
      ++round;
      changed.notify_all();
    }
    changed.wait(lock, [&] { return aborted || round != mine; });
    return !aborted;
  }
};

struct ncclComm {
  std::shared_ptr<Meeting> meeting;
  int rank = 0;
  bool asked = false;  // for the state of its start
};

namespace {

using trireme::DType;

std::mutex registry_mutex;
std::map<std::string, std::weak_ptr<Meeting>> registry;
std::map<int, ncclResult_t> async_errors;
std::atomic<std::int64_t> held{0};
std::atomic<int> registered{0};
std::map<void*, std::size_t> allocated;
std::atomic<int> next_id{1};

struct Message {
  ncclComm* comm = nullptr;
  int peer = 0;
  const std::byte* out = nullptr;
  std::byte* in = nullptr;
  std::size_t bytes = 0;
};
thread_local std::vector<Message> grouped;
thread_local int group_depth = 0;

DType dtype_of(ncclDataType_t type) {
  switch (type) {
    case ncclFloat32: return DType::f32;
    case ncclFloat64: return DType::f64;
    case ncclBfloat16: return DType::bf16;
    case ncclFloat16: return DType::f16;
    case ncclInt32: return DType::i32;
    case ncclInt64: return DType::i64;
    default: return DType::u8;
  }
}

std::size_t bytes_of(std::size_t count, ncclDataType_t type) {
  return count * static_cast<std::size_t>(trireme::size_of(dtype_of(type)));
}

trireme::Reduction reduction_of(ncclRedOp_t op) {
  return op == ncclSum ? trireme::Reduction::sum : op == ncclMax ? trireme::Reduction::max : trireme::Reduction::min;
}

// All ranks bring `in`; each makes its own result of everybody's, and only then writes it.
ncclResult_t exchange(ncclComm* comm, const void* in, void* out, std::size_t bytes,
                      const std::function<void(const std::vector<const std::byte*>&, std::byte*)>& make) {
  Meeting& meeting = *comm->meeting;
  meeting.inputs[static_cast<std::size_t>(comm->rank)] = static_cast<const std::byte*>(in);
  if (!meeting.meet()) return ncclRemoteError;
  std::vector<std::byte> result(bytes);
  make(meeting.inputs, result.data());
  if (!meeting.meet()) return ncclRemoteError;
  if (bytes > 0) std::memcpy(out, result.data(), bytes);
  return meeting.meet() ? ncclSuccess : ncclRemoteError;
}

void add_up(const std::vector<const std::byte*>& inputs, std::size_t offset, std::size_t count, ncclDataType_t type,
            ncclRedOp_t op, std::byte* result) {
  std::vector<const std::byte*> sources;
  for (const std::byte* input : inputs) sources.push_back(input + offset);
  std::byte* const target[] = {result};
  trireme::collectives::reduce({.sources = sources,
                                .targets = target,
                                .count = static_cast<std::int64_t>(count),
                                .dtype = dtype_of(type),
                                .reduction = reduction_of(op)});
}

ncclResult_t deliver(const std::vector<Message>& messages) {
  for (const Message& message : messages) {
    if (!message.out) continue;
    Meeting& meeting = *message.comm->meeting;
    const std::lock_guard lock(meeting.mutex);
    meeting.letters[{message.comm->rank, message.peer}].emplace_back(message.out, message.out + message.bytes);
    meeting.changed.notify_all();
  }
  for (const Message& message : messages) {
    if (!message.in) continue;
    Meeting& meeting = *message.comm->meeting;
    std::unique_lock lock(meeting.mutex);
    auto& letters = meeting.letters[{message.peer, message.comm->rank}];
    meeting.changed.wait(lock, [&] { return meeting.aborted || !letters.empty(); });
    if (meeting.aborted) return ncclRemoteError;
    if (letters.front().size() != message.bytes) return ncclInvalidArgument;
    if (message.bytes > 0) std::memcpy(message.in, letters.front().data(), message.bytes);
    letters.pop_front();
  }
  return ncclSuccess;
}

ncclResult_t post(const Message& message) {
  if (group_depth == 0) return deliver({message});
  grouped.push_back(message);
  return ncclSuccess;
}

}  // namespace

namespace trireme::test {

void set_async_error(int rank, ncclResult_t error) {
  const std::lock_guard lock(registry_mutex);
  async_errors[rank] = error;
}
std::int64_t memory_held() {
  return held;
}
int registrations_held() {
  return registered;
}

}  // namespace trireme::test

extern "C" {

cudaError_t cudaDeviceSynchronize() {
  return cudaSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  return result == ncclRemoteError ? "remote error" : "some error";
}
const char* ncclGetLastError(ncclComm_t) {
  return "a cable is loose\n";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::memset(id, 0, sizeof *id);
  const int number = next_id++;
  std::memcpy(id, &number, sizeof number);
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t* config) {
  if (config->blocking != 0) return ncclInvalidUsage;
  const std::string key(id.internal, sizeof id.internal);
  const std::lock_guard lock(registry_mutex);
  auto meeting = registry[key].lock();
  if (!meeting) registry[key] = meeting = std::make_shared<Meeting>(ranks);
  ++meeting->started;
  *comm = new ncclComm{meeting, rank};
  return ncclInProgress;
}

ncclResult_t ncclCommSplit(ncclComm_t comm, int color, int key, ncclComm_t* made, ncclConfig_t*) {
  Meeting& meeting = *comm->meeting;
  meeting.colors[static_cast<std::size_t>(comm->rank)] = color;
  meeting.keys[static_cast<std::size_t>(comm->rank)] = key;
  if (!meeting.meet()) return ncclRemoteError;
  std::vector<std::pair<int, int>> members;  // key, rank
  for (int rank = 0; rank < meeting.size; ++rank)
    if (meeting.colors[static_cast<std::size_t>(rank)] == color)
      members.emplace_back(meeting.keys[static_cast<std::size_t>(rank)], rank);
  std::sort(members.begin(), members.end());
  const auto mine = std::find(members.begin(), members.end(), std::pair(key, comm->rank));
  {
    const std::lock_guard lock(meeting.mutex);
    auto& part = meeting.parts[color];
    if (!part) part = std::make_shared<Meeting>(static_cast<int>(members.size()));
    ++part->started;
    *made = new ncclComm{part, static_cast<int>(mine - members.begin())};
  }
  if (!meeting.meet()) return ncclRemoteError;
  if (comm->rank == 0) meeting.parts.clear();
  return meeting.meet() ? ncclSuccess : ncclRemoteError;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error) {
  const std::lock_guard lock(registry_mutex);
  const std::lock_guard inner(comm->meeting->mutex);
  *error = comm->meeting->started < comm->meeting->size || !comm->asked ? ncclInProgress : async_errors[comm->rank];
  comm->asked = true;  // the start takes at least two questions
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  return comm->meeting->meet() ? ncclSuccess : ncclRemoteError;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  delete comm;
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  {
    const std::lock_guard lock(comm->meeting->mutex);
    comm->meeting->aborted = true;
    comm->meeting->changed.notify_all();
  }
  delete comm;
  return ncclSuccess;
}

ncclResult_t ncclMemAlloc(void** memory, std::size_t bytes) {
  *memory = ::operator new (bytes, std::align_val_t{64});
  const std::lock_guard lock(registry_mutex);
  allocated[*memory] = bytes;
  held += static_cast<std::int64_t>(bytes);
  return ncclSuccess;
}
ncclResult_t ncclMemFree(void* memory) {
  const std::lock_guard lock(registry_mutex);
  held -= static_cast<std::int64_t>(allocated.at(memory));
  allocated.erase(memory);
  ::operator delete (memory, std::align_val_t{64});
  return ncclSuccess;
}
ncclResult_t ncclCommRegister(ncclComm_t, void* memory, std::size_t, void** handle) {
  *handle = memory;
  ++registered;
  return ncclSuccess;
}
ncclResult_t ncclCommDeregister(ncclComm_t, void*) {
  --registered;
  return ncclSuccess;
}

ncclResult_t ncclGroupStart() {
  ++group_depth;
  return ncclSuccess;
}
ncclResult_t ncclGroupEnd() {
  if (--group_depth > 0) return ncclSuccess;
  return deliver(std::exchange(grouped, {}));
}

ncclResult_t ncclSend(const void* data, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t) {
  return post({.comm = comm, .peer = peer, .out = static_cast<const std::byte*>(data), .bytes = bytes_of(count, type)});
}
ncclResult_t ncclRecv(void* data, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t) {
  return post({.comm = comm, .peer = peer, .in = static_cast<std::byte*>(data), .bytes = bytes_of(count, type)});
}

ncclResult_t ncclAllReduce(const void* in, void* out, std::size_t count, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t comm, cudaStream_t) {
  return exchange(comm, in, out, bytes_of(count, type),
                  [&](const auto& inputs, std::byte* result) { add_up(inputs, 0, count, type, op, result); });
}

ncclResult_t ncclReduceScatter(const void* in, void* out, std::size_t count, ncclDataType_t type, ncclRedOp_t op,
                               ncclComm_t comm, cudaStream_t) {
  return exchange(comm, in, out, bytes_of(count, type), [&](const auto& inputs, std::byte* result) {
    add_up(inputs, static_cast<std::size_t>(comm->rank) * bytes_of(count, type), count, type, op, result);
  });
}

ncclResult_t ncclAllGather(const void* in, void* out, std::size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t) {
  const std::size_t part = bytes_of(count, type);
  return exchange(comm, in, out, part * static_cast<std::size_t>(comm->meeting->size),
                  [&](const auto& inputs, std::byte* result) {
                    for (std::size_t rank = 0; rank < inputs.size() && part > 0; ++rank)
                      std::memcpy(result + rank * part, inputs[rank], part);
                  });
}

ncclResult_t ncclBroadcast(const void* in, void* out, std::size_t count, ncclDataType_t type, int root, ncclComm_t comm,
                           cudaStream_t) {
  return exchange(comm, in, out, bytes_of(count, type), [&](const auto& inputs, std::byte* result) {
    if (count > 0) std::memcpy(result, inputs[static_cast<std::size_t>(root)], bytes_of(count, type));
  });
}
}
