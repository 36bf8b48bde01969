// cuDNN's statuses as errors.
#pragma once

#include <cudnn.h>

#include <array>
#include <string>
#include <string_view>

#include "runtime/base/error.h"

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

}  // namespace trireme::cuda::dnn
