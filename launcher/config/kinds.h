// What is asked of a job's model in more than one place.
#pragma once

#include "launcher/config/config.h"

namespace trireme::launcher {

// Whether the model is one of language, which learns from tokens.
inline bool speaks(const job::Job& job) {
  return job.model().has_gpt() || job.model().has_llama() || job.model().has_recurrent();
}

// Whether it has batch norm.
inline bool has_batch_norm(const job::Job& job) {
  return job.model().has_resnet() || job.model().has_unet() || job.model().has_gan();
}

// Whether its layers can be shared out among ranks.
inline bool is_cut(const job::Job& job) {
  return job.model().has_gpt() || job.model().has_llama() || job.model().has_mlp();
}

}  // namespace trireme::launcher
