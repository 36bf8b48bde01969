// What one pass of a network takes in: named tensors whose outermost dimension counts samples.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "runtime/tensor/tensor.h"

namespace trireme::data {

struct Batch {
  std::int64_t first_sample = 0;  // running number of row 0 since the first step of the run, the same under any split
  std::map<std::string, Tensor, std::less<>> tensors;

  Tensor& operator[](std::string_view name) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) absent(name);
    return found->second;
  }
  const Tensor& operator[](std::string_view name) const {
    const auto found = tensors.find(name);
    if (found == tensors.end()) absent(name);
    return found->second;
  }
  bool contains(std::string_view name) const { return tensors.find(name) != tensors.end(); }

 private:
  [[noreturn]] void absent(std::string_view name) const {
    std::string known;
    for (const auto& entry : tensors) known += (known.empty() ? "" : ", ") + entry.first;
    fail("batch", "no tensor", name, "here; there is:", known);
  }
};

}  // namespace trireme::data
