#include "collectives/mpi/chain.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "collectives/host/exchange.h"
#include "collectives/host/reduce.h"

namespace trireme::collectives {
namespace {

constexpr std::int64_t largest_chunk = 512 << 10;  // bytes
constexpr std::int64_t smallest_chunk = 32 << 10;

// Consecutive ranks of the group on one host.
struct Run {
  int host = 0;
  std::vector<int> members;  // of that host's team
};

std::vector<Run> runs_of(const Layout& layout) {
  std::vector<Run> runs;
  for (int rank = 0; rank < layout.size(); ++rank) {
    const int host = layout.host(rank);
    if (runs.empty() || runs.back().host != host) runs.push_back({.host = host, .members = {}});
    runs.back().members.push_back(layout.member(rank));
  }
  return runs;
}

// The way back: every host once, from the last run's.
std::vector<int> way_back(const std::vector<Run>& runs) {
  std::vector<int> hosts;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run)
    if (std::find(hosts.begin(), hosts.end(), run->host) == hosts.end()) hosts.push_back(run->host);
  return hosts;
}

int lanes_of(const Layout& layout) {
  int lanes = layout.member_count(0);
  for (int host = 1; host < layout.hosts(); ++host) lanes = std::min(lanes, layout.member_count(host));
  return lanes;
}

// Two buffers in turn, each with the messages that use it.
struct Pair {
  std::array<std::byte*, 2> buffer{};
  std::array<Requests, 2> requests;
};

class Lane {
 public:
  Lane(const ChainJob& job, std::vector<std::byte>& scratch);
  void run();

 private:
  // A run of this host: partial sums come in from the run before and go out to the run after.
  struct Station {
    std::int64_t run = 0;
    Pair in;
    Pair out;
  };

  std::int64_t begin_of(std::int64_t chunk) const { return slice_.begin + chunk * chunk_; }
  std::int64_t count_of(std::int64_t chunk) const { return std::min(chunk_, slice_.count - chunk * chunk_); }
  int worker(int host) const { return job_.layout.world_rank(host, job_.team.me()); }
  int worker_of_run(std::int64_t run) const { return worker(runs_[static_cast<std::size_t>(run)].host); }
  std::int64_t last_run() const { return static_cast<std::int64_t>(runs_.size()) - 1; }
  static int stream(std::int64_t run) { return Wire::first_stream + static_cast<int>(run % (Wire::kinds - 32)); }

  void expect_partial(Station& station, std::int64_t chunk);
  void expect_result(std::int64_t chunk);
  void add(Station& station, std::int64_t chunk);
  void spread(std::int64_t chunk);
  void pass_on(const std::byte* result, std::int64_t chunk, Requests& requests);

  const ChainJob& job_;
  std::vector<Run> runs_;
  std::vector<int> back_;
  std::int64_t place_ = 0;  // of this host on the way back
  Slice slice_;
  std::int64_t chunk_ = 0;  // elements
  std::int64_t chunks_ = 0;
  std::int64_t size_ = 0;      // bytes of an element
  std::int64_t sum_size_ = 0;  // of a partial sum
  std::vector<Station> stations_;
  Pair result_;
  Requests passed_;  // the results that this host, as the first on the way back, sends out of its copies
};

Lane::Lane(const ChainJob& job, std::vector<std::byte>& scratch)
    : job_(job), runs_(runs_of(job.layout)), back_(way_back(runs_)) {
  const int lanes = lanes_of(job.layout);
  slice_ = slice_of(job.count, lanes, job.team.me(), job.dtype);
  size_ = size_of(job.dtype);
  sum_size_ = size_of(accumulator_of(job.dtype));
  const std::int64_t even = job.count * size_ / lanes / (4 * static_cast<std::int64_t>(runs_.size()));
  chunk_ = std::clamp(even, smallest_chunk, largest_chunk) / 64 * 64 / size_;  // the same on every rank
  chunks_ = (slice_.count + chunk_ - 1) / chunk_;
  place_ = std::find(back_.begin(), back_.end(), job.layout.mine) - back_.begin();
  for (std::int64_t run = 0; run <= last_run(); ++run)
    if (runs_[static_cast<std::size_t>(run)].host == job.layout.mine)
      stations_.push_back({.run = run, .in = {}, .out = {}});
  const std::int64_t buffer = chunk_ * sum_size_;
  scratch.resize(std::max(scratch.size(), (stations_.size() * 4 + 2) * static_cast<std::size_t>(buffer)));
  std::byte* next = scratch.data();
  const auto take = [&](Pair& pair) {
    for (std::byte*& memory : pair.buffer) memory = std::exchange(next, next + buffer);
  };
  for (Station& station : stations_) {
    take(station.in);
    take(station.out);
  }
  take(result_);
}

void Lane::expect_partial(Station& station, std::int64_t chunk) {
  if (station.run == 0 || chunk >= chunks_) return;
  const auto turn = static_cast<std::size_t>(chunk % 2);
  job_.wire.receive(station.in.requests[turn], worker_of_run(station.run - 1), stream(station.run),
                    station.in.buffer[turn], count_of(chunk) * sum_size_);
}

void Lane::expect_result(std::int64_t chunk) {
  if (place_ == 0 || chunk >= chunks_) return;
  const auto turn = static_cast<std::size_t>(chunk % 2);
  job_.wire.wait(result_.requests[turn], job_.team.call());  // sent on from this buffer two chunks ago
  job_.wire.receive(result_.requests[turn], worker(back_[static_cast<std::size_t>(place_ - 1)]), Wire::result,
                    result_.buffer[turn], count_of(chunk) * size_);
}

// Sends a finished chunk to the next host on the way back.
void Lane::pass_on(const std::byte* result, std::int64_t chunk, Requests& requests) {
  if (const auto next = static_cast<std::size_t>(place_ + 1); next < back_.size())
    job_.wire.send(requests, worker(back_[next]), Wire::result, result, count_of(chunk) * size_);
}

void Lane::add(Station& station, std::int64_t chunk) {
  const auto turn = static_cast<std::size_t>(chunk % 2);
  const bool last = station.run == last_run();
  job_.wire.wait(station.in.requests[turn], job_.team.call());
  job_.wire.wait(station.out.requests[turn], job_.team.call());
  const std::int64_t offset = begin_of(chunk) * size_;
  std::vector<const std::byte*> sources;
  for (int member : runs_[static_cast<std::size_t>(station.run)].members)
    sources.push_back(job_.copies[static_cast<std::size_t>(member)] + offset);
  std::vector<std::byte*> targets;
  for (std::byte* copy : job_.copies) targets.push_back(copy + offset);
  reduce({.sources = sources,
          .targets = targets,
          .count = count_of(chunk),
          .dtype = job_.dtype,
          .reduction = job_.reduction,
          .carry_in = station.run == 0 ? nullptr : station.in.buffer[turn],
          .carry_out = last ? nullptr : station.out.buffer[turn]});
  if (last)
    pass_on(job_.copies[static_cast<std::size_t>(job_.team.me())] + offset, chunk, passed_);
  else
    job_.wire.send(station.out.requests[turn], worker_of_run(station.run + 1), stream(station.run + 1),
                   station.out.buffer[turn], count_of(chunk) * sum_size_);
  expect_partial(station, chunk + 2);
}

void Lane::spread(std::int64_t chunk) {
  const auto turn = static_cast<std::size_t>(chunk % 2);
  job_.wire.wait(result_.requests[turn], job_.team.call());
  pass_on(result_.buffer[turn], chunk, result_.requests[turn]);
  for (std::byte* copy : job_.copies)
    std::memcpy(copy + begin_of(chunk) * size_, result_.buffer[turn],
                static_cast<std::size_t>(count_of(chunk) * size_));
  expect_result(chunk + 2);
}

void Lane::run() {
  for (std::int64_t chunk : {0, 1}) {
    for (Station& station : stations_) expect_partial(station, chunk);
    expect_result(chunk);
  }
  const std::int64_t slots = chunks_ + last_run() + static_cast<std::int64_t>(back_.size());
  for (std::int64_t slot = 0; slot < slots; ++slot) {
    for (Station& station : stations_)
      if (const std::int64_t chunk = slot - station.run; chunk >= 0 && chunk < chunks_) add(station, chunk);
    if (const std::int64_t chunk = slot - last_run() - place_; place_ > 0 && chunk >= 0 && chunk < chunks_)
      spread(chunk);
  }
  for (Station& station : stations_)
    for (Requests& requests : station.out.requests) job_.wire.wait(requests, job_.team.call());
  for (Requests& requests : result_.requests) job_.wire.wait(requests, job_.team.call());
  job_.wire.wait(passed_, job_.team.call());
}

}  // namespace

void run_chain(const ChainJob& job, std::vector<std::byte>& scratch) {
  if (job.team.me() < lanes_of(job.layout)) Lane(job, scratch).run();
}

}  // namespace trireme::collectives
