// A part of a model: parameters and parts of its own, by name.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/autograd/context.h"
#include "runtime/nn/parameter.h"

namespace trireme::nn {

// State of a model that is not trained: running statistics, a vector that an iteration goes on with. Saved with the
// parameters, and equal on all ranks.
struct Buffer {
  Buffer(Shape buffer_shape, Init buffer_init) : shape(buffer_shape), init(buffer_init) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::string name;  // global, as a parameter's
  Shape shape;
  Init init;
  Tensor value;  // f32; a view of FlatBuffers
};

// A module owns its parameters and parts as members and registers them in its constructor; it holds no memory until
// FlatParameters gives it some, so a model of any size can be described anywhere. Modules do not move.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  // All parameters below this module, in registration order; a parameter that is registered twice appears once.
  std::vector<Parameter*> parameters() const;
  std::vector<Buffer*> buffers() const;
  // This module and all parts below it, in registration order; a part that is registered twice appears twice.
  std::vector<Module*> modules();
  // Gives every parameter, buffer and part its global name. Call once, on the outermost module.
  void name_parameters(const std::string& path = "");
  // "blocks.3.attention": names the places where dropout draws.
  const std::string& path() const noexcept { return path_; }

 protected:
  void add(std::string name, Parameter& parameter) { own_.emplace_back(std::move(name), &parameter); }
  void add(std::string name, Buffer& buffer) { own_buffers_.emplace_back(std::move(name), &buffer); }
  void add(std::string name, Module& part) { parts_.emplace_back(std::move(name), &part); }

 private:
  void collect(std::vector<Parameter*>& found) const;

  std::string path_;
  std::vector<std::pair<std::string, Parameter*>> own_;
  std::vector<std::pair<std::string, Buffer*>> own_buffers_;
  std::vector<std::pair<std::string, Module*>> parts_;
};

}  // namespace trireme::nn
