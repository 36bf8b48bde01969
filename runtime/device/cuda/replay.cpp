#include "runtime/device/cuda/replay.h"

#include <array>
#include <exception>
#include <utility>

#include "runtime/device/cuda/check.h"

namespace trireme::cuda {
namespace {

using ByKind = std::array<std::int64_t, memory_kinds>;

class CudaReplay : public Replay {
 public:
  CudaReplay(std::shared_ptr<Memory> memory, cudaGraphExec_t graph, std::int64_t reserve, const ByKind& passing)
      : memory_(std::move(memory)), graph_(graph), reserve_(reserve), passing_(passing) {}
  CudaReplay(const CudaReplay&) = delete;
  CudaReplay& operator=(const CudaReplay&) = delete;
  ~CudaReplay() override {
    cudaGraphExecDestroy(graph_);  // launches under way are still done
    memory_->pool.release_reserve(reserve_);
  }

  void launch() override {
    memory_->ledger.pass(passing_);
    check(cudaGraphLaunch(graph_, memory_->compute.native()), "cudaGraphLaunch");
  }

 private:
  std::shared_ptr<Memory> memory_;
  cudaGraphExec_t graph_;
  std::int64_t reserve_;
  ByKind passing_;  // what the work allocates and releases, at its most
};

// What `work` enqueued, as a graph; the caller owns it.
cudaGraph_t record(Memory& memory, const std::function<void()>& work) {
  memory.compute.wait(memory.communication.record());
  const cudaStream_t stream = memory.compute.native();
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  std::exception_ptr error;
  try {
    work();
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(memory.communication.native(), &status), "cudaStreamIsCapturing");
    if (status != cudaStreamCaptureStatusNone) memory.compute.wait(memory.communication.record());
  } catch (...) {
    error = std::current_exception();
  }
  cudaGraph_t graph = nullptr;
  const cudaError_t status = cudaStreamEndCapture(stream, &graph);
  if (error) {
    cudaGetLastError();
    if (graph) cudaGraphDestroy(graph);
    std::rethrow_exception(error);
  }
  check(status, "capturing a step");
  return graph;
}

}  // namespace

std::unique_ptr<Replay> capture(const std::shared_ptr<Memory>& memory, const std::function<void()>& work) {
  const MemoryReport before = memory->ledger.report();
  memory->ledger.reset_peak();
  memory->pool.begin_reserve();
  cudaGraph_t graph = nullptr;
  std::int64_t reserve = 0;
  try {
    graph = record(*memory, work);
    reserve = memory->pool.end_reserve();
  } catch (...) {
    memory->pool.release_reserve(memory->pool.end_reserve());
    memory->ledger.recall_peak(before);
    throw;
  }
  ByKind passing = memory->ledger.report().at_peak_by_kind;
  for (std::size_t kind = 0; kind < passing.size(); ++kind) passing[kind] -= before.live_by_kind[kind];
  memory->ledger.recall_peak(before);

  cudaGraphExec_t launchable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&launchable, graph, 0);
  cudaGraphDestroy(graph);
  if (status != cudaSuccess) memory->pool.release_reserve(reserve);
  check(status, "cudaGraphInstantiate");
  auto replay = std::make_unique<CudaReplay>(memory, launchable, reserve, passing);
  check(cudaGraphUpload(launchable, memory->compute.native()), "cudaGraphUpload");
  return replay;
}

}  // namespace trireme::cuda
