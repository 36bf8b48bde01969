// A small model's state for the checkpoint tests.
#pragma once

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "runtime/store/checkpoint.h"

namespace trireme::store {

// Four tensors whose values depend on `salt`; `h.weight` is long enough for many pieces.
struct State {
  std::vector<float> weight = std::vector<float>(1000);
  std::vector<float> bias = std::vector<float>(5);
  std::vector<std::uint16_t> half = std::vector<std::uint16_t>(7);
  std::int64_t count = 0;

  explicit State(int salt) : count(1000 + salt) {
    std::iota(weight.begin(), weight.end(), static_cast<float>(salt));
    std::iota(bias.begin(), bias.end(), static_cast<float>(10 * salt));
    std::iota(half.begin(), half.end(), static_cast<std::uint16_t>(100 * salt));
  }
};

inline CheckpointOptions options_for(const std::string& path, std::int64_t step, FaultHook fault = {}) {
  return {.path = path, .step = step, .tag = "test", .piece_bytes = 256, .fault = std::move(fault)};
}

inline void add_state(CheckpointWriter& writer, const State& state) {
  writer.add({.name = "h.weight", .dtype = DType::f32, .shape = {10, 100}}, state.weight.data());
  writer.add({.name = "h.bias", .dtype = DType::f32, .shape = {5}}, state.bias.data());
  writer.add({.name = "half", .dtype = DType::bf16, .shape = {7}, .file = "optimizer"}, state.half.data());
  writer.add({.name = "count", .dtype = DType::i64, .shape = {}, .file = "optimizer"}, &state.count);
}

inline void save_state(const std::string& path, std::int64_t step, const State& state, FaultHook fault = {}) {
  CheckpointWriter writer(options_for(path, step, std::move(fault)));
  add_state(writer, state);
  const std::vector<std::string> parts{writer.finish_part()};
  writer.publish(parts, {{"seed", "42"}});
}

template <class T>
std::vector<T> read_values(const CheckpointReader& reader, const std::string& name) {
  std::vector<T> values(static_cast<std::size_t>(reader.find(name)->shape.numel()));
  reader.read(name, 0, static_cast<std::int64_t>(values.size()), values.data());
  return values;
}

inline bool holds(const std::string& path, const State& state) {
  const CheckpointReader reader(path);
  reader.verify();
  return read_values<float>(reader, "h.weight") == state.weight && read_values<float>(reader, "h.bias") == state.bias &&
         read_values<std::uint16_t>(reader, "half") == state.half &&
         read_values<std::int64_t>(reader, "count") == std::vector<std::int64_t>{state.count};
}

}  // namespace trireme::store
