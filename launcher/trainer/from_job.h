// What a job says, in the terms of the rooms below: the only place where job fields become configurations.
#pragma once

#include <memory>
#include <string>

#include "launcher/config/config.h"
#include "launcher/trainer/decoders.h"
#include "launcher/trainer/layout.h"
#include "launcher/trainer/rank_device.h"
#include "launcher/trainer/tasks.h"
#include "models/mlp/mlp.h"
#include "parallel/training/player.h"
#include "runtime/data/loader.h"
#include "runtime/data/tokenizer.h"

namespace trireme::launcher {

Activation activation_of(job::Activation activation);
DType compute_dtype(const job::Job& job);
parallel::PlayerOptions player_options(const job::Job& job);
models::MlpConfig mlp_config(const job::Job& job);
// The whole network, or what this rank of the mesh holds of it: its stages of the pipeline, its parts of their layers.
// The mesh outlives the task.
std::unique_ptr<KnownTask> make_task(const job::Job& job);
std::unique_ptr<KnownTask> make_task(const job::Job& job, const std::optional<parallel::Schedule>& pipeline,
                                     const parallel::Mesh& mesh);
// Elements of the whole network's parameters.
std::int64_t parameters_of(const job::Job& job);
// Null where the data is not text.
std::unique_ptr<data::Tokenizer> make_tokenizer(const job::Job& job);

// Opened data; `validation` and `test` are null where the job keeps none.
struct Sources {
  std::shared_ptr<const data::Source> training;
  std::shared_ptr<const data::Source> validation;
  std::shared_ptr<const data::Source> test = nullptr;
  std::vector<float> class_weights = {};  // in the training loss; empty: 1 each
  std::string note = {};                  // what was left out; empty: nothing
};
Sources open_data(const job::Job& job, int ranks_on_host = 1);
data::LoaderOptions loader_options(const job::Job& job, int ranks_on_host = 1);
// Threads of a rank that read samples.
int workers_of(const job::Job& job, int ranks_on_host);
// Of `all` samples those that a validation on so many batches of the training size sees; 0 batches: all.
std::int64_t validation_samples(const job::Job& job, std::int64_t batches, std::int64_t all);

DeviceChoice device_choice(const job::Job& job);
// Threads of one rank: the job's, or the cores this process may use divided by the ranks on the host.
int threads_of(int asked, int ranks_on_host);

}  // namespace trireme::launcher
