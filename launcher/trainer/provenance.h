// What a checkpoint says about the run that saved it, beside the state itself: where in which data it stood.
#pragma once

#include <cstdint>
#include <string>

#include "launcher/config/config.h"
#include "runtime/store/checkpoint.h"

namespace trireme::launcher {

// For a checkpoint's manifest. `fingerprint` is that of the training data.
store::Metadata provenance(const job::Job& job, std::uint64_t fingerprint);

// Compares what a checkpoint says with `now`. A place in the data means nothing in other data, in another order, or
// with batches of another size: an Error that says what has changed, unless `allowed`. Returns what is to be told of a
// change that is in order; empty where there is none.
std::string check_provenance(const store::CheckpointReader& checkpoint, const store::Metadata& now, bool allowed);

// The same about what tensors do not show of a model, as its activation or the number of its heads. Dropout may change.
std::string check_model(const store::CheckpointReader& checkpoint, const job::Job& now);

}  // namespace trireme::launcher
