// One process's membership in MPI: alive from the first to the last message. Internal, since it shows mpi.h.
// Nothing here blocks in MPI without a deadline, except MPI_Init and MPI_Finalize themselves.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::collectives {

class FailureBoard;

// fail() with MPI's own words unless `code` is MPI_SUCCESS.
void check_mpi(int code, std::string_view what);

class Link {
 public:
  Link();  // MPI_Init_thread, with threads that may call MPI at the same time
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  // Without finish(), after an error, the process just ends: MPI_Finalize would wait for ranks that do not come.
  ~Link() = default;

  int rank() const noexcept { return rank_; }
  int size() const noexcept { return size_; }
  MPI_Comm messages() const noexcept { return messages_; }
  bool alive() const noexcept { return alive_; }
  int largest_tag() const noexcept { return largest_tag_; }

  // Opens the two communicators; every rank calls it first of all.
  void open(double deadline);
  // Every rank's `mine`, in rank order.
  std::vector<std::byte> gather(std::span<const std::byte> mine, double deadline, std::string_view what);
  // Returns when all ranks have come here; false when some have not within the deadline.
  bool meet(double deadline);
  // MPI_Finalize, which waits for every rank.
  void finish();
  // Ends all ranks of the job.
  [[noreturn]] void abort(int code) noexcept;

  // The side channel. A failure is told to every other rank; a question is answered by ranks that wait.
  void tell(std::string_view failure);
  void listen(FailureBoard& failure, const std::function<std::string()>& status);
  // What each of `ranks` says it waits for; no entry for those that do not answer within a second.
  std::map<int, std::string> ask(std::span<const int> ranks, FailureBoard& failure,
                                 const std::function<std::string()>& status);

 private:
  struct Outgoing {
    std::string text;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  void post(int rank, char kind, std::string_view text);
  bool complete(MPI_Request& request, double deadline) const;

  int rank_ = 0;
  int size_ = 1;
  int largest_tag_ = 32767;
  bool alive_ = false;
  MPI_Comm messages_ = MPI_COMM_NULL;
  MPI_Comm control_ = MPI_COMM_NULL;
  std::mutex mutex_;  // of the side channel
  std::vector<std::unique_ptr<Outgoing>> outgoing_;
  std::map<int, std::string> answers_;
};

}  // namespace trireme::collectives
