// The ranks that a launcher (mpirun, srun) has started, and the groups of them. One World lives in a process, from
// before the first group to after the last; a process that no launcher started (place.h) has none, never touches MPI,
// and takes its group of one from make_thread_groups(1).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "collectives/group/group.h"
#include "collectives/group/options.h"

namespace trireme {

// Where a rank runs.
struct RankPlace {
  std::string host;
  int local_rank = 0;  // among the ranks of its host
  int local_size = 1;
  std::int64_t process = 0;
};

class World {
 public:
  // Joins the others; throws when not all come within the deadline.
  explicit World(const GroupOptions& options = {});
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  // Waits for all ranks and leaves MPI. After a failure, or while an exception passes, there is nothing to wait for:
  // then it ends every rank, as abort(1) does. Destroy the groups before.
  ~World();

  int rank() const noexcept;
  int size() const noexcept;
  int local_rank() const noexcept;
  const std::vector<RankPlace>& places() const noexcept;  // by rank

  // All ranks, as a group. Collective.
  std::unique_ptr<Group> group();
  // Ends all ranks at once; mpirun then returns `code`.
  [[noreturn]] void abort(int code) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace trireme
