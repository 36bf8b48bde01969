#include "collectives/mpi/wire.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "runtime/base/error.h"

namespace trireme::collectives {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t largest_message = 1 << 30;  // MPI counts are ints
constexpr int yields = 4000;
constexpr auto nap = std::chrono::microseconds(50);
constexpr double listen_interval = 0.005;  // seconds

}  // namespace

Request::~Request() {
  if (request_ == MPI_REQUEST_NULL || !link_->alive()) return;
  MPI_Cancel(&request_);
  MPI_Request_free(&request_);
}

bool Request::done() {
  int finished = 0;
  check_mpi(MPI_Test(&request_, &finished, MPI_STATUS_IGNORE), "a message between hosts");
  return finished != 0;
}

Wire::Wire(std::shared_ptr<Link> link, const Team& team) : link_(std::move(link)), team_(team) {
  const std::int64_t first = std::int64_t{team.number()} * kinds;
  require(first + kinds <= link_->largest_tag(), "group", "too many groups for this MPI library, whose largest tag is",
          link_->largest_tag());
  first_tag_ = static_cast<int>(first);
}

void Wire::send(Requests& requests, int rank, int kind, const void* data, std::int64_t bytes) const {
  const auto* from = static_cast<const std::byte*>(data);
  for (std::int64_t at = 0; at < bytes; at += largest_message) {
    const int length = static_cast<int>(std::min(largest_message, bytes - at));
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Isend(from + at, length, MPI_BYTE, rank, tag(kind), link_->messages(), &request), "MPI_Isend");
    requests.emplace_back(link_, request, rank);
  }
}

void Wire::receive(Requests& requests, int rank, int kind, void* data, std::int64_t bytes) const {
  auto* to = static_cast<std::byte*>(data);
  for (std::int64_t at = 0; at < bytes; at += largest_message) {
    const int length = static_cast<int>(std::min(largest_message, bytes - at));
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Irecv(to + at, length, MPI_BYTE, rank, tag(kind), link_->messages(), &request), "MPI_Irecv");
    requests.emplace_back(link_, request, rank);
  }
}

void Wire::wait(Requests& requests, const Call& call) const {
  const auto start = Clock::now();
  double listened = 0.0;
  Family& family = team_.family();
  const auto status = [&] {
    return "waiting in " + team_.describe(call) + " for " +
           (requests.empty() ? "nobody" : family.person(requests.front().rank()).name());
  };
  for (std::int64_t look = 0;; ++look) {
    std::erase_if(requests, [](Request& request) { return request.done(); });
    if (requests.empty()) return;
    if (look > yields)
      std::this_thread::sleep_for(nap);
    else if (look > family.spins())
      ::sched_yield();
    if (look % 32 != 31) continue;
    const double waited = std::chrono::duration<double>(Clock::now() - start).count();
    if (waited - listened > listen_interval) {
      listened = waited;
      family.check(name_of(call.operation), status);
    }
    if (waited > family.deadline()) expire(requests, call);
  }
}

void Wire::expire(const Requests& requests, const Call& call) const {
  Family& family = team_.family();
  std::vector<int> ranks;
  for (const Request& request : requests) ranks.push_back(request.rank());
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  const auto status = [&] { return "waiting in " + team_.describe(call); };
  const auto answers = link_->ask(ranks, family.failure(), status);
  family.check(name_of(call.operation), status);
  std::string missing;
  for (int rank : ranks) {
    const auto answer = answers.find(rank);
    missing += (missing.empty() ? "" : "; ") + family.person(rank).name() + " (" +
               (answer == answers.end() ? std::string("no answer: busy elsewhere, stopped or dead") : answer->second) +
               ')';
  }
  try {
    fail<TimedOut>(name_of(call.operation), family.self().name(), "waited", family.deadline(), "s in",
                   team_.describe(call) + "; not arrived:", missing,
                   "- look there first; if the ranks are only slow, raise the deadline");
  } catch (const TimedOut& error) {
    family.end_wait(error, name_of(call.operation), status);
  }
}

}  // namespace trireme::collectives
