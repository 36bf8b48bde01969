#include "collectives/nccl/pending.h"

#include <utility>

namespace trireme::nccl {

void Pending::add(const collectives::Call& call, Event done) {
  const std::lock_guard lock(mutex_);
  forget_finished();
  waiting_.push_back({.number = ++calls_, .words = call.describe(), .done = std::move(done)});
}

void Pending::add_captured(const collectives::Call& call) {
  const std::lock_guard lock(mutex_);
  last_captured_ = call.describe();
  if (captured_++ == 0) first_captured_ = last_captured_;
}

std::string Pending::first() {
  const std::lock_guard lock(mutex_);
  forget_finished();
  if (!waiting_.empty()) return "call " + std::to_string(waiting_.front().number) + ", " + waiting_.front().words;
  if (captured_ == 0) return {};
  return "one of " + std::to_string(captured_) + " calls of a captured step, from " + first_captured_ + " to " +
         last_captured_;
}

void Pending::forget_finished() {
  while (!waiting_.empty() && waiting_.front().done.reached()) waiting_.pop_front();
}

}  // namespace trireme::nccl
