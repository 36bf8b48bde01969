#include "collectives/mpi/link.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <thread>

#include "collectives/host/family.h"
#include "runtime/base/error.h"

namespace trireme::collectives {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int control_tag = 1;
constexpr std::size_t control_bytes = 4096;
constexpr char failure_kind = 'F';
constexpr char question_kind = 'Q';
constexpr char answer_kind = 'A';

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

void check_mpi(int code, std::string_view what) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  fail("mpi", what, "failed:", std::string_view(text.data(), static_cast<std::size_t>(length)));
}

Link::Link() {
  int granted = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &granted), "MPI_Init_thread");
  alive_ = true;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if (granted != MPI_THREAD_MULTIPLE) {
    finish();
    fail("mpi", "expected an MPI that grants MPI_THREAD_MULTIPLE, found level", granted,
         "- use an MPI library built with thread support");
  }
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
  int* largest = nullptr;
  int known = 0;
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &largest, &known);
  if (known) largest_tag_ = *largest;
}

bool Link::complete(MPI_Request& request, double deadline) const {
  const auto start = Clock::now();
  for (std::int64_t look = 0;; ++look) {
    int done = 0;
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done) return true;
    if (seconds_since(start) > deadline) return false;
    if (look < 1000)
      ::sched_yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

void Link::open(double deadline) {
  for (MPI_Comm* comm : {&messages_, &control_}) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Comm_idup(MPI_COMM_WORLD, comm, &request), "MPI_Comm_idup");
    if (!complete(request, deadline))
      fail<TimedOut>("mpi", "rank", rank_, "of", size_, "waited", deadline, "s at the start: not all ranks have begun");
    MPI_Comm_set_errhandler(*comm, MPI_ERRORS_RETURN);
  }
}

std::vector<std::byte> Link::gather(std::span<const std::byte> mine, double deadline, std::string_view what) {
  std::vector<std::byte> all(mine.size() * static_cast<std::size_t>(size_));
  const int bytes = static_cast<int>(mine.size());
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Iallgather(mine.data(), bytes, MPI_BYTE, all.data(), bytes, MPI_BYTE, messages_, &request),
            "MPI_Iallgather");
  if (!complete(request, deadline))
    fail<TimedOut>("mpi", "rank", rank_, "of", size_, "waited", deadline, "s while", what,
                   "- a rank has stopped or ended");
  return all;
}

bool Link::meet(double deadline) {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(messages_, &request), "MPI_Ibarrier");
  return complete(request, deadline);
}

void Link::finish() {
  alive_ = false;
  for (MPI_Comm* comm : {&messages_, &control_})
    if (*comm != MPI_COMM_NULL) MPI_Comm_free(comm);
  MPI_Finalize();
}

void Link::abort(int code) noexcept {
  MPI_Abort(MPI_COMM_WORLD, code);
  std::terminate();  // MPI_Abort does not return
}

void Link::post(int rank, char kind, std::string_view text) {
  std::erase_if(outgoing_, [](const auto& sent) {
    int done = 0;
    MPI_Test(&sent->request, &done, MPI_STATUS_IGNORE);
    return done != 0;
  });
  auto message = std::make_unique<Outgoing>();
  message->text = kind + std::string(text.substr(0, control_bytes - 1));
  check_mpi(MPI_Isend(message->text.data(), static_cast<int>(message->text.size()), MPI_BYTE, rank, control_tag,
                      control_, &message->request),
            "MPI_Isend");
  outgoing_.push_back(std::move(message));
}

void Link::tell(std::string_view failure) {
  std::lock_guard lock(mutex_);
  if (!alive_) return;
  for (int rank = 0; rank < size_; ++rank)
    if (rank != rank_) post(rank, failure_kind, failure);
}

void Link::listen(FailureBoard& failure, const std::function<std::string()>& status) {
  std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || !alive_) return;
  for (;;) {
    int found = 0;
    MPI_Status from;
    check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, control_tag, control_, &found, &from), "MPI_Iprobe");
    if (!found) return;
    int bytes = 0;
    MPI_Get_count(&from, MPI_BYTE, &bytes);
    std::string text(static_cast<std::size_t>(bytes), '\0');
    check_mpi(MPI_Recv(text.data(), bytes, MPI_BYTE, from.MPI_SOURCE, control_tag, control_, MPI_STATUS_IGNORE),
              "MPI_Recv");
    const char kind = text.empty() ? '\0' : text.front();
    if (kind == failure_kind) failure.publish(std::string_view(text).substr(1));
    if (kind == question_kind) post(from.MPI_SOURCE, answer_kind, status());
    if (kind == answer_kind) answers_[from.MPI_SOURCE] = text.substr(1);
  }
}

std::map<int, std::string> Link::ask(std::span<const int> ranks, FailureBoard& failure,
                                     const std::function<std::string()>& status) {
  {
    std::lock_guard lock(mutex_);
    answers_.clear();
    for (int rank : ranks) post(rank, question_kind, "");
  }
  const auto start = Clock::now();
  for (;;) {
    listen(failure, status);
    {
      std::lock_guard lock(mutex_);
      const bool all = std::all_of(ranks.begin(), ranks.end(), [&](int rank) { return answers_.contains(rank); });
      if (all || seconds_since(start) > 1.0) return answers_;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace trireme::collectives
