#include <filesystem>
#include <iostream>
#include <utility>

#include "launcher/trainer/entry.h"
#include "launcher/trainer/finished_run.h"
#include "runtime/store/safetensors.h"

namespace trireme::launcher {
namespace {

struct Named {
  store::TensorSpec spec;
  Tensor values;  // f32
};

std::vector<Named> weights_of(const nn::FlatParameters& parameters) {
  std::vector<Named> all;
  for (const nn::Placement& place : parameters.placements())
    all.push_back({.spec = {place.parameter->name, DType::f32, place.parameter->shape},
                   .values = parameters.weights.range(place.begin, place.begin + place.count)});
  for (const nn::Buffer* buffer : parameters.buffers.all())
    all.push_back({.spec = {buffer->name, DType::f32, buffer->shape}, .values = buffer->value});
  return all;
}

}  // namespace

int export_weights(const ExportOptions& options) {
  const FinishedRun run({.path = options.run, .sets = {}, .device = "cpu"});
  const std::vector<Named> weights = weights_of(*run.parameters);
  std::vector<store::TensorSpec> specs;
  for (const Named& tensor : weights) specs.push_back(tensor.spec);
  const std::string unfinished = options.file + ".new";
  std::error_code ignored;
  std::filesystem::remove(unfinished, ignored);  // of an export that was ended
  // Readers of the format ask for `format`: the layout of matrices is PyTorch's, (outputs, inputs).
  store::SafetensorsWriter writer(unfinished, specs, {{"format", "pt"}, {"step", std::to_string(run.step)}});
  for (const Named& tensor : weights)
    writer.write(tensor.spec.name, 0, tensor.values.numel(), to_floats(tensor.values).data());
  writer.finish();
  store::rename_file("export", unfinished, options.file, {});
  std::cout << options.file << ": " << weights.size() << " tensors, " << run.parameters->parameter_count()
            << " parameters in fp32, of " << run.checkpoint << std::endl;
  return 0;
}

}  // namespace trireme::launcher
