// cuDNN's statuses as errors.
#pragma once

#include <cudnn.h>

#include <array>
#include <string>
#include <string_view>

#include "runtime/base/error.h"
#include "runtime/device/cuda_facts.h"

namespace trireme::cuda::dnn {

// What cuDNN says about its last failure, in one line.
inline std::string last_words(cudnnStatus_t status) {
  std::array<char, 1024> words{};
  cudnnGetLastErrorString(words.data(), words.size());
  std::string text = std::string(cudnnGetErrorString(status)) + ' ' + words.data();
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return text;
}

inline void check(cudnnStatus_t status, std::string_view where) {
  if (status != CUDNN_STATUS_SUCCESS) fail(where, "cuDNN", cudnnGetVersion(), "refused:", last_words(status));
}

// Throws Error for a cuDNN that is too old.
inline void check_version(std::int64_t version = static_cast<std::int64_t>(cudnnGetVersion())) {
  const auto dotted = [](std::int64_t number) {
    return std::to_string(number / 10000) + '.' + std::to_string(number % 10000 / 100) + '.' +
           std::to_string(number % 100);
  };
  require(version >= least_cudnn, "cuda", "expected cuDNN", dotted(least_cudnn), "or newer, found", dotted(version),
          "- install a newer one, or see what LD_LIBRARY_PATH puts first");
}

}  // namespace trireme::cuda::dnn
