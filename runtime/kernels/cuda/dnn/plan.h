// From a graph to something that runs: an engine that takes it, compiled for a device.
#pragma once

#include <cudnn.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/kernels/cuda/dnn/descriptor.h"
#include "runtime/kernels/cuda/dnn/graph.h"

namespace trireme::cuda::dnn {

// A context of cuDNN on the current device.
class Handle {
 public:
  explicit Handle(cudaStream_t stream);
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { cudnnDestroy(raw_); }

  cudnnHandle_t get() const noexcept { return raw_; }

 private:
  cudnnHandle_t raw_ = nullptr;
};

// What plans are made for: the device of a handle; or a device that need not be here, described by its properties in
// JSON (cuDNN 9.8 and newer), whose plans can be made and asked, but not executed.
class Target {
 public:
  explicit Target(const Handle& handle) : handle_(handle.get()) {}
  explicit Target(std::string_view properties);

  cudnnHandle_t handle() const noexcept { return handle_; }  // null without a device
  const std::optional<Descriptor>& properties() const noexcept { return properties_; }

 private:
  cudnnHandle_t handle_ = nullptr;
  std::optional<Descriptor> properties_;
};

// What an engine must not do.
struct Conditions {
  bool exact_inputs = false;                       // fp32 inputs are not to be rounded for tensor cores
  std::int64_t workspace = std::int64_t{1} << 32;  // bytes at most
};

class Plan {
 public:
  struct Argument {
    std::int64_t name;  // as given to Graph::tensor() or Graph::scalar()
    void* data;         // device memory, 16-byte aligned; of a scalar, host memory
  };

  std::int64_t workspace() const noexcept { return workspace_; }  // bytes
  const std::string& engine() const noexcept { return engine_; }  // "engine 4 of 12: ...", for tests and reports
  // On the handle's stream. `workspace` has workspace() bytes.
  void execute(const Handle& handle, std::span<const Argument> arguments, void* workspace) const;

 private:
  friend std::optional<Plan> find_plan(const Graph&, const Target&, const Conditions&);
  Plan(Descriptor plan, std::int64_t workspace, std::string engine)
      : plan_(std::move(plan)), workspace_(workspace), engine_(std::move(engine)) {}

  Descriptor plan_;
  std::int64_t workspace_;
  std::string engine_;
};

// The first engine, in the order of cuDNN's own preference, that takes the graph and keeps the conditions. All engines
// considered give the same bits on every call. Nothing when there is none.
std::optional<Plan> find_plan(const Graph& graph, const Target& target, const Conditions& conditions);

}  // namespace trireme::cuda::dnn
