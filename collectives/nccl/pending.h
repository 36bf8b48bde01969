// The calls of a group that the device has not finished, and how long they have been under way: what a message at the
// deadline can name.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "collectives/group/call.h"
#include "runtime/device/device.h"

namespace trireme::nccl {

class Pending {
 public:
  // `done` is reached when the device has finished the call.
  void add(const collectives::Call& call, Event done);
  // A call that is part of captured work: done whenever that is.
  void add_captured(const collectives::Call& call);

  // "call 17, all_reduce sum of 8 f32 'bucket 2'": the first that is not finished. Where all are, but there is captured
  // work, the calls of that; empty when there is nothing to wait for.
  std::string first();

 private:
  struct Waiting {
    std::int64_t number = 0;
    std::string words;
    Event done;
  };
  void forget_finished();

  std::mutex mutex_;
  std::int64_t calls_ = 0;
  std::deque<Waiting> waiting_;
  std::int64_t captured_ = 0;
  std::string first_captured_, last_captured_;
};

}  // namespace trireme::nccl
