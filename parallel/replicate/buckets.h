// Data parallelism: every rank holds the whole model, and gradients are summed over ranks while the backward pass runs
// (Li et al. 2020, "PyTorch Distributed").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parallel/mesh/mesh.h"
#include "runtime/nn/flat.h"

namespace trireme::parallel {

struct BucketOptions {
  std::int64_t bytes = 16 << 20;  // of gradients per bucket: large enough to move at full speed, small enough to start early
};

// Buckets are ranges of the flat gradients, in the order in which the backward pass completes them. They are launched in
// that order on every rank, whatever the order of the hooks, so that no two ranks can enter different collectives.
class Buckets {
 public:
  // Installs the gradient hooks; they are removed by the destructor.
  Buckets(nn::FlatParameters& parameters, const Axis& axis, const BucketOptions& options = {});
  Buckets(const Buckets&) = delete;
  Buckets& operator=(const Buckets&) = delete;
  ~Buckets();

  // Call before each backward pass; `last` says that the gradients are final after it, so buckets may start.
  void begin(bool last);
  // Launches what has not been launched and makes the compute stream wait for all of it: afterwards the flat
  // gradients hold the sum over ranks.
  void finish();

  std::size_t count() const noexcept { return buckets_.size(); }

 private:
  struct Bucket {
    std::int64_t begin = 0, end = 0;  // elements of the flat gradients
    std::string label;
    int parameters = 0;
    int waiting = 0;  // parameters whose gradient is not final
  };

  void divide(std::int64_t bytes);
  void ready(nn::Parameter& parameter, std::size_t bucket);
  void launch(Bucket& bucket);

  nn::FlatParameters& parameters_;
  const Axis& axis_;
  bool overlap_ = false;
  bool armed_ = false;
  bool in_flight_ = false;  // something was launched that finish() has not waited for
  std::size_t next_ = 0;    // the first bucket not launched
  std::vector<Bucket> buckets_;
};

}  // namespace trireme::parallel
