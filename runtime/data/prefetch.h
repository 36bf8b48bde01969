// A thread that reads the next batches while the current one is being computed.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>

#include "runtime/data/loader.h"

namespace trireme::data {

struct PrefetchOptions {
  Division division = {};       // which share of every global batch, in how many micro-batches
  std::int64_t first_step = 0;  // resume here
  std::int64_t ahead = 2;       // batches read in advance, at least one
  std::chrono::milliseconds deadline = std::chrono::minutes(5);  // the longest wait for a batch
};

class Prefetcher {
 public:
  Prefetcher(std::shared_ptr<const Loader> loader, PrefetchOptions options);
  // Ends the thread after the batch that it is reading. One that storage holds back for longer than a second is left
  // to itself: it ends when its read returns, and what it reads from lives until then.
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // Micro-batch 0 of first_step, micro-batch 1, ..., then those of the next step, without end. An error of the reading
  // thread is thrown here in the place of the batch that it belongs to, and again on every later call. Waiting longer
  // than the deadline is a TimedOut.
  Batch next(Device& device);

 private:
  struct Shared;
  static void read_ahead(Shared& shared);

  std::shared_ptr<Shared> shared_;  // with the thread
  std::int64_t taken_ = 0;          // batches given out
  std::thread thread_;
};

}  // namespace trireme::data
