#include "runtime/nn/module.h"

#include <algorithm>

namespace trireme::nn {
namespace {

std::string joined(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

}  // namespace

void Module::collect(std::vector<Parameter*>& found) const {
  for (const auto& [name, parameter] : own_)
    if (std::find(found.begin(), found.end(), parameter) == found.end()) found.push_back(parameter);
  for (const auto& [name, part] : parts_) part->collect(found);
}

std::vector<Parameter*> Module::parameters() const {
  std::vector<Parameter*> found;
  collect(found);
  return found;
}

std::vector<Module*> Module::modules() {
  std::vector<Module*> found{this};
  for (const auto& [name, part] : parts_) {
    const std::vector<Module*> below = part->modules();
    found.insert(found.end(), below.begin(), below.end());
  }
  return found;
}

std::vector<Buffer*> Module::buffers() const {
  std::vector<Buffer*> found;
  for (const auto& [name, buffer] : own_buffers_) found.push_back(buffer);
  for (const auto& [name, part] : parts_) {
    const std::vector<Buffer*> below = part->buffers();
    found.insert(found.end(), below.begin(), below.end());
  }
  return found;
}

void Module::name_parameters(const std::string& path) {
  path_ = path;
  for (auto& [name, parameter] : own_)
    if (parameter->name.empty()) parameter->name = joined(path, name);
  for (auto& [name, buffer] : own_buffers_) buffer->name = joined(path, name);
  for (auto& [name, part] : parts_) part->name_parameters(joined(path, name));
}

}  // namespace trireme::nn
