#include "tests/runtime/cuda_device/fake/fake_cuda.h"

#include <cuda_runtime.h>

#include <cstring>
#include <new>

#include "tests/runtime/cuda_device/fake/stream.h"

namespace {

using namespace trireme::test::fake;

std::mutex memory_mutex;
std::map<void*, std::size_t> device_memory, pinned_memory;
std::int64_t held = 0;

thread_local cudaError_t last_error = cudaSuccess;
thread_local cudaStreamCaptureMode mode = cudaStreamCaptureModeThreadLocal;
thread_local int captures = 0;  // that this thread has begun

cudaError_t result(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}
// What may not be called by a thread that captures, unless it says that it knows.
bool refused() {
  return captures > 0 && mode != cudaStreamCaptureModeRelaxed;
}

bool is_pinned(const void* address) {
  const std::lock_guard lock(memory_mutex);
  auto block = pinned_memory.upper_bound(const_cast<void*>(address));
  if (block == pinned_memory.begin()) return false;
  --block;
  return address < static_cast<std::byte*>(block->first) + block->second;
}

cudaError_t run_to_here(cudaStream_t stream) {
  const auto mark = std::make_shared<Mark>();
  stream->add([mark] { mark->reach(); });
  mark->wait();
  return cudaSuccess;
}

}  // namespace

namespace trireme::test {

std::int64_t fake_memory_held() {
  const std::lock_guard lock(memory_mutex);
  return held;
}

}  // namespace trireme::test

extern "C" {

cudaError_t cudaGetLastError() {
  return std::exchange(last_error, cudaSuccess);
}
const char* cudaGetErrorString(cudaError_t) {
  return "as the fake says";
}
const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : "an error";
}

cudaError_t cudaSetDevice(int device) {
  return result(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "Fake GPU");
  properties->major = 9;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = static_cast<std::size_t>(trireme::test::fake_memory);
  *free = *total - static_cast<std::size_t>(trireme::test::fake_memory_held());
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  if (refused()) return result(cudaErrorStreamCaptureUnsupported);
  const std::lock_guard lock(memory_mutex);
  if (held + static_cast<std::int64_t>(bytes) > trireme::test::fake_memory) return result(cudaErrorMemoryAllocation);
  *memory = ::operator new (bytes, std::align_val_t{512});
  device_memory[*memory] = bytes;
  held += static_cast<std::int64_t>(bytes);
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  if (refused()) return result(cudaErrorStreamCaptureUnsupported);
  const std::lock_guard lock(memory_mutex);
  held -= static_cast<std::int64_t>(device_memory.at(memory));
  device_memory.erase(memory);
  ::operator delete (memory, std::align_val_t{512});
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned int) {
  if (refused()) return result(cudaErrorStreamCaptureUnsupported);
  *memory = ::operator new (bytes, std::align_val_t{512});
  std::memset(*memory, 0xEE, bytes);
  const std::lock_guard lock(memory_mutex);
  pinned_memory[*memory] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* memory) {
  const std::lock_guard lock(memory_mutex);
  pinned_memory.erase(memory);
  ::operator delete (memory, std::align_val_t{512});
  return cudaSuccess;
}
cudaError_t cudaHostRegister(void* memory, std::size_t bytes, unsigned int) {
  const std::lock_guard lock(memory_mutex);
  pinned_memory[memory] = bytes;
  return cudaSuccess;
}
cudaError_t cudaHostUnregister(void* memory) {
  const std::lock_guard lock(memory_mutex);
  pinned_memory.erase(memory);
  return cudaSuccess;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* memory) {
  *attributes = {};
  attributes->type = is_pinned(memory) ? cudaMemoryTypeHost : cudaMemoryTypeUnregistered;
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const void* host = kind == cudaMemcpyHostToDevice ? from : to;
  if (is_pinned(host)) {
    stream->add([=] { std::memcpy(to, from, bytes); });
    return cudaSuccess;
  }
  if (stream->capture) return result(cudaErrorStreamCaptureUnsupported);
  if (kind == cudaMemcpyHostToDevice) {
    const auto aside = std::make_shared<std::vector<std::byte>>(static_cast<const std::byte*>(from),
                                                                static_cast<const std::byte*>(from) + bytes);
    stream->add([=] { std::memcpy(to, aside->data(), bytes); });
    return cudaSuccess;
  }
  stream->add([=] { std::memcpy(to, from, bytes); });
  return run_to_here(stream);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned int, int) {
  *stream = new CUstream_st;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (refused() || stream->capture) return result(cudaErrorStreamCaptureUnsupported);
  return run_to_here(stream);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int) {
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, 0);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  *event = {};
  event->stream = stream;
  if (stream->capture) {
    event->capture = stream->capture;
    event->noted = stream->capture->joined[stream];
    return cudaSuccess;
  }
  event->mark = std::make_shared<Mark>();
  stream->add([mark = event->mark] { mark->reach(); });
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  if (event->capture) {
    if (stream->capture && stream->capture != event->capture) return result(cudaErrorStreamCaptureMerge);
    stream->capture = event->capture;  // the stream joins
    stream->capture->joined[stream];
    if (stream == event->capture->origin) event->capture->awaited[event->stream] = event->noted;
    return cudaSuccess;
  }
  if (stream->capture) return result(event->mark ? cudaErrorStreamCaptureIsolation : cudaSuccess);
  if (event->mark) stream->add([mark = event->mark] { mark->wait(); });
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (event->capture) return result(cudaErrorCapturedEvent);
  if (refused()) return result(cudaErrorStreamCaptureUnsupported);
  if (!event->mark) return cudaSuccess;
  const std::lock_guard lock(event->mark->mutex);
  return event->mark->reached ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (refused() || event->capture) return result(cudaErrorStreamCaptureUnsupported);
  if (event->mark) event->mark->wait();
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  *milliseconds = std::chrono::duration<float, std::milli>(end->mark->time - begin->mark->time).count();
  return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* other) {
  std::swap(mode, *other);
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = stream->capture ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream->capture) return result(cudaErrorIllegalState);
  stream->capture = std::make_shared<Capture>();
  stream->capture->origin = stream;
  ++captures;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::shared_ptr<Capture> capture = stream->capture;
  if (!capture || capture->origin != stream) return result(cudaErrorStreamCaptureUnmatched);
  --captures;
  bool unjoined = false;
  for (const auto& [other, noted] : capture->joined) {
    unjoined = unjoined || (other != stream && (capture->awaited.count(other) == 0 || capture->awaited[other] < noted));
    other->capture = nullptr;
  }
  stream->capture = nullptr;
  *graph = nullptr;
  if (unjoined) return result(cudaErrorStreamCaptureUnjoined);
  *graph = new CUgraph_st{capture->work};
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
  *made = new CUgraphExec_st{graph->work};
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) {
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  for (const Work& work : graph->work) stream->add(work);
  return cudaSuccess;
}
}
