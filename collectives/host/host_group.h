// A group whose ranks all share one host's memory: the backend `threads`, and `mpi` within a host.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collectives/group/group.h"
#include "collectives/host/team.h"

namespace trireme::collectives {

// What every group of ranks is made of: names, the run of an operation on a stream, failure.
class TeamGroup : public Group {
 public:
  std::string_view name() const noexcept override { return team_->group(); }
  std::string_view transport() const noexcept override { return transport_; }
  std::shared_ptr<Storage> allocate(Device& device, std::int64_t bytes, MemoryKind kind) override;
  void check() override;
  void abort(std::string_view reason) noexcept override { team_->family().fail_with(reason); }

 protected:
  TeamGroup(std::unique_ptr<Team> team, std::string transport)
      : team_(std::move(team)), transport_(std::move(transport)) {}

  Team& team() const noexcept { return *team_; }
  // Runs `work` on the stream; an error in it becomes the failure of the family.
  template <class Work>
  void enqueue(Stream& stream, Work work) {
    stream.run([this, work] { guard(work); });
  }
  // The same, here and now.
  template <class Work>
  void guard(const Work& work) {
    if (busy_.exchange(true, std::memory_order_acquire)) used_twice();
    try {
      work();
    } catch (const std::exception& error) {
      team_->family().fail_with(error.what());
      busy_.store(false, std::memory_order_release);
      throw;
    }
    busy_.store(false, std::memory_order_release);
  }

 private:
  [[noreturn]] void used_twice() const;

  std::uint64_t allocations_ = 0;
  std::unique_ptr<Team> team_;
  std::string transport_;
  std::atomic<bool> busy_{false};
};

class HostGroup : public TeamGroup {
 public:
  HostGroup(std::unique_ptr<Team> team, std::string transport) : TeamGroup(std::move(team), std::move(transport)) {}

  int rank() const noexcept override { return team().me(); }
  int size() const noexcept override { return team().size(); }
  std::unique_ptr<Group> split(int color, int order, std::string name) override;

  void all_reduce(Region in_out, Reduction reduction, Stream& stream) override;
  void all_gather(Region mine, Region all, Stream& stream) override;
  void reduce_scatter(Region all, Region mine, Reduction reduction, Stream& stream) override;
  void broadcast(Region in_out, int root, Stream& stream) override;
  void all_to_all(Region in, Region out, Stream& stream) override;
  void send(Region data, int to, Stream& stream) override;
  void recv(Region data, int from, Stream& stream) override;
  void barrier(Stream& stream) override;
};

// Ranks that will form one group, as every rank of the parent sees them.
struct Application {
  std::int32_t color = 0;
  std::int32_t order = 0;
  std::uint32_t number = 0;  // proposed, see Family::propose_number
};
// The ranks with the color of `applications[mine]`, by order, then by rank.
std::vector<int> chosen(const std::vector<Application>& applications, int mine);
std::uint32_t agreed_number(const std::vector<Application>& applications);

// Makes a team of some members of `parent`: two calls of the parent, made by all its members whatever their color.
std::unique_ptr<Team> found_team(Team& parent, const std::vector<int>& members, std::string name, std::uint32_t number);

}  // namespace trireme::collectives
