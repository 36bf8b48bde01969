#include "runtime/kernels/cuda/dnn/plan.h"

#include <algorithm>

namespace trireme::cuda::dnn {
namespace {

using Notes = std::vector<cudnnBackendNumericalNote_t>;

bool has(const Notes& notes, cudnnBackendNumericalNote_t note) {
  return std::find(notes.begin(), notes.end(), note) != notes.end();
}

Descriptor operation_graph(const Graph& graph, const Target& target) {
  const std::vector<cudnnBackendDescriptor_t> operations = graph.operations();
  Descriptor whole(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  whole.set_descriptors(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations);
  if (target.handle()) whole.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.handle());
  whole.finalize();
  return whole;
}

// The engines that cuDNN proposes, best first; none where the mode knows no answer.
std::vector<Descriptor> proposals(const Descriptor& graph, const Target& target, cudnnBackendHeurMode_t mode) {
  constexpr std::int64_t most = 64;
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph).set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (target.properties()) heuristic.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.properties());
  if (heuristic.try_finalize() != CUDNN_STATUS_SUCCESS) return {};
  std::vector<Descriptor> found;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t i = 0; i < most; ++i) raw.push_back(found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).get());
  const std::int64_t count = heuristic.fill(CUDNN_ATTR_ENGINEHEUR_RESULTS, raw);
  found.erase(found.begin() + std::min(count, most), found.end());
  return found;
}

struct Engine {
  std::int64_t index = 0;
  Notes notes;
};

Engine engine_of(const Descriptor& configuration) {
  const Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.get();
  configuration.fill(CUDNN_ATTR_ENGINECFG_ENGINE, {&raw, 1});
  return {engine.get<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, 1).at(0),
          engine.get<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT)};
}

bool keeps(const Engine& engine, const Conditions& conditions) {
  if (has(engine.notes, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)) return false;
  const bool rounds = has(engine.notes, CUDNN_NUMERICAL_NOTE_TENSOR_CORE) ||
                      has(engine.notes, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS) ||
                      has(engine.notes, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) ||
                      has(engine.notes, CUDNN_NUMERICAL_NOTE_WINOGRAD) || has(engine.notes, CUDNN_NUMERICAL_NOTE_FFT);
  return !(conditions.exact_inputs && rounds);
}

}  // namespace

Handle::Handle(cudaStream_t stream) {
  check(cudnnCreate(&raw_), "cudnn");
  const cudnnStatus_t status = cudnnSetStream(raw_, stream);
  if (status == CUDNN_STATUS_SUCCESS) return;
  cudnnDestroy(raw_);
  check(status, "cudnn");
}

Target::Target(std::string_view properties) : properties_(Descriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR)) {
  properties_->set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, std::span<const char>(properties)).finalize();
}

void Plan::execute(const Handle& handle, std::span<const Argument> arguments, void* workspace) const {
  std::vector<std::int64_t> names;
  std::vector<void*> data;
  for (const Argument& argument : arguments) {
    names.push_back(argument.name);
    data.push_back(argument.data);
  }
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span<const std::int64_t>(names))
      .set_pointers(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, data)
      .set_pointers(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, {&workspace, 1})
      .finalize();
  check(cudnnBackendExecute(handle.get(), plan_.get(), pack.get()), "cudnn execution");
}

std::optional<Plan> find_plan(const Graph& graph, const Target& target, const Conditions& conditions) {
  const Descriptor whole = operation_graph(graph, target);
  for (cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (const Descriptor& configuration : proposals(whole, target, mode)) {
      const Engine engine = engine_of(configuration);
      if (!keeps(engine, conditions)) continue;
      Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
      if (target.handle()) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle());
      if (target.properties()) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.properties());
      if (plan.try_finalize() != CUDNN_STATUS_SUCCESS) continue;
      const std::int64_t workspace = plan.get<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, 1).at(0);
      if (workspace > conditions.workspace) continue;
      return Plan(std::move(plan), workspace, "engine " + std::to_string(engine.index));
    }
  }
  return std::nullopt;
}

}  // namespace trireme::cuda::dnn
