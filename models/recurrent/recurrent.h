// A recurrent language model (Mikolov et al. 2010; with LSTMs, Zaremba et al. 2014): an embedding, recurrent layers, a
// linear head. It reads any number of tokens; what it knows of them is the layers' state.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/decoder/decoder.h"
#include "parallel/mesh/mesh.h"
#include "runtime/nn/recurrent.h"

namespace trireme::models {

struct RecurrentConfig {
  Cell cell = Cell::lstm;
  std::int64_t layers = 2;
  std::int64_t width = 512;       // of the embedding and of each layer
  std::int64_t sequence = 128;    // T at most while training
  std::int64_t vocabulary = 256;  // rows of the embedding
  float dropout = 0.0f;           // between layers
  bool recompute = false;         // keep a layer's input alone and run the layer again in the backward pass
};

// Throws if the sizes do not fit together.
void check(const RecurrentConfig& config);
DecoderSizes sizes_of(const RecurrentConfig& config);
// What it asks of the sizes of a mesh: its layers are on one rank.
std::vector<parallel::AxisRule> mesh_rules(const RecurrentConfig& config);

// A block is a layer. Inside, time is the outermost dimension.
class Recurrent : public Decoder {
 public:
  explicit Recurrent(const RecurrentConfig& config);

  const RecurrentConfig& config() const noexcept { return config_; }
  nn::Parameter* shared_parameter() override { return nullptr; }
  // A cache holds a layer's state: h and c, each (B, C), in fp32. It never fills: its position stays 0.
  std::vector<nn::KeyValueCache> make_caches(Device& device, DType dtype, std::int64_t batch) const override;

 private:
  // What the first layer's gates take in of the tokens, (T, B, G C).
  nn::Residual embed(Context& cx, const Tensor& ids, std::int64_t position) override;
  nn::Residual run(Context& cx, std::size_t block, nn::Residual residual, nn::KeyValueCache* cache) override;
  Tensor normalise(Context&, nn::Residual& residual) override { return residual.stream; }
  Tensor head_weight() override { return output.weight.tensor(); }
  Tensor score(Context& cx, const Tensor& x, const Tensor& targets) override;
  Tensor predict(Context& cx, const Tensor& x) override;

  RecurrentConfig config_;

 public:
  nn::Embedding tokens;  // (V, C)
  std::vector<std::unique_ptr<nn::RecurrentLayer>> layers;
  nn::Linear output;  // C -> V
};

}  // namespace trireme::models
