// Gradients over ranks: summed while the backward pass runs (Li et al. 2020, "PyTorch Distributed"), and where the
// state is sharded each rank receives its part of the sum alone (ZeRO, Rajbhandari et al. 2020).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "parallel/mesh/mesh.h"
#include "runtime/nn/flat.h"

namespace trireme::parallel {

// Buckets are the blocks of the flat parameters, in the order in which the backward pass completes them. They are
// launched in that order on every rank, whatever the order of the hooks, so that no two ranks can enter different
// collectives.
class Buckets {
 public:
  // Installs the gradient hooks; they are removed by the destructor. The parameters are sharded over all of `axis`, or
  // not at all. The bucket of a `held` parameter waits for finish(): its gradient is not final when the pass says so.
  // Where other ranks have the same parts, the sums of those are added over `replicas` (hybrid sharding, Zhao et al.
  // 2023, "PyTorch FSDP").
  Buckets(nn::FlatParameters& parameters, const Axis& axis, const nn::Parameter* held = nullptr,
          const Axis* replicas = nullptr);
  Buckets(const Buckets&) = delete;
  Buckets& operator=(const Buckets&) = delete;
  ~Buckets();

  // Call before each backward pass of a step; `last` says that the gradients are final after it, so buckets may start.
  // Gradients that are sharded are reduced in every pass, unless passes overlap.
  enum class Passes : std::uint8_t { one_by_one, overlapping };
  void begin(bool last, Passes passes = Passes::one_by_one);
  // Launches what has not been launched and makes the compute stream wait for all of it: afterwards the parameters'
  // `gradients` hold the sum over ranks.
  void finish();

  std::size_t count() const noexcept { return waiting_.size(); }

 private:
  bool sharded() const noexcept { return parameters_.sharding().level > 0; }
  bool paged() const noexcept { return parameters_.sharding().level > 1; }
  void ready(nn::Parameter& parameter, int block);
  void launch(int block);
  void reduce_part(int block, Stream& stream);
  void bring_page(int block);
  void release_page(int block, const Event& reduced);
  void finish_pass();
  void install_hooks();

  nn::FlatParameters& parameters_;
  const Axis& axis_;
  const nn::Parameter* held_;
  const Axis* replicas_;      // null: each part is on one rank
  bool overlap_ = false;      // on the communication stream
  bool armed_ = false;        // this pass is reduced
  bool added_ = false;        // sharded gradients: what is reduced is added to what earlier passes left
  bool in_flight_ = false;    // something was launched that finish() has not waited for
  int next_ = 0;              // the first bucket not launched
  std::vector<int> waiting_;  // by bucket: parameters whose gradient is not final
  struct Leaving {
    int block = -1;
    Event reduced;
    Tensor part;  // received, to be added
  };
  Leaving leaving_;  // a page whose reduction is under way
};

}  // namespace trireme::parallel
