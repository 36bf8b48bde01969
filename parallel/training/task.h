// What a training step is about: the networks, and how a batch becomes a loss.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/data/batch.h"
#include "runtime/nn/module.h"

namespace trireme::parallel {

class Task {
 public:
  virtual ~Task() = default;

  virtual nn::Module& network() = 0;
  // The mean loss of a batch, one f32.
  virtual Tensor loss(Context& cx, const data::Batch& batch) = 0;

  // Numbers that an evaluation keeps of each sample, its record, for measures beside the loss; 0: none.
  virtual std::int64_t record_width() const { return 0; }
  // loss() without a tape, appending the records of the batch's samples.
  virtual Tensor measure(Context& cx, const data::Batch& batch, std::vector<double>& /*records*/) {
    return loss(cx, batch);
  }

  // What throughput is counted in beside samples: "tokens"; empty when a sample is the unit.
  virtual std::string_view unit() const { return {}; }
  virtual std::int64_t units_per_sample() const { return 1; }
};

// A network in pieces: this rank's chunks of a pipeline's stages, in the order of the chunks.
class StagedTask : public Task {
 public:
  // Whether chunk `chunk` begins with a batch, and whether it ends with the loss.
  virtual bool begins(int chunk) const = 0;
  virtual bool ends(int chunk) const = 0;
  // What a chunk takes from the stage before it, and what it gives to the next, for so many samples: on this rank.
  virtual Shape input_shape(int chunk, std::int64_t samples) const = 0;
  virtual Shape output_shape(int chunk, std::int64_t samples) const = 0;
  // `input` is the stage before's answer; undefined where the chunk begins with the batch. Answers the mean loss where
  // the chunk ends with it. `batch` is empty where the chunk does neither.
  virtual Tensor forward(Context& cx, int chunk, const Tensor& input, const data::Batch& batch) = 0;
  // forward() of an evaluation: where the chunk ends with the loss, appends the records of the batch's samples.
  virtual Tensor measure_chunk(Context& cx, int chunk, const Tensor& input, const data::Batch& batch,
                               std::vector<double>& /*records*/) {
    return forward(cx, chunk, input, batch);
  }
  // The parameter that this rank holds and another stage's rank too (tied embeddings), or null; and whether it is this
  // rank's: saved by it, counted for the norm by it.
  virtual nn::Parameter* shared_parameter() { return nullptr; }
  virtual bool owns_shared_parameter() const { return true; }
};

}  // namespace trireme::parallel
