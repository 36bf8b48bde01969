// The language models that a job can name.
#pragma once

#include <memory>
#include <vector>

#include "launcher/config/config.h"
#include "models/decoder/decoder.h"
#include "parallel/mesh/mesh.h"
#include "runtime/kernels/recurrent_kernels.h"

namespace trireme::launcher {

// Whether the job's model is a language model; what follows is for such jobs.
bool has_decoder(const job::Job& job);
models::DecoderSizes decoder_sizes(const job::Job& job);
// What it asks of the sizes of a mesh.
std::vector<parallel::AxisRule> decoder_rules(const job::Job& job);
// Some pieces of it.
std::unique_ptr<models::Decoder> make_decoder(const job::Job& job, std::vector<models::DecoderPiece> pieces);
// The cells that a job names.
Cell cell_of(job::Recurrent::Kind kind);
// Cuts the layers of what make_decoder() made over the mesh's axis "tensor", as the job asks. The mesh outlives it.
void shard_decoder(const job::Job& job, models::Decoder& decoder, const parallel::Mesh& mesh);

}  // namespace trireme::launcher
