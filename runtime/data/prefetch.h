// A thread that reads the next batches while the current one is being computed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
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
  // Ends the thread after the sample that it is reading.
  ~Prefetcher() = default;

  // Micro-batch 0 of first_step, micro-batch 1, ..., then those of the next step, without end. An error of the reading
  // thread is thrown here in the place of the batch that it belongs to, and again on every later call. Waiting longer
  // than the deadline is an Error.
  Batch next(Device& device);

 private:
  struct Item {
    HostBatch batch;
    std::exception_ptr error;
  };
  void read_ahead(const std::stop_token& stop);

  std::shared_ptr<const Loader> loader_;
  PrefetchOptions options_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Item> ready_;
  std::int64_t taken_ = 0;  // batches given out
  std::jthread thread_;     // last: it is stopped and joined before the rest goes
};

}  // namespace trireme::data
