// Threads that share out independent pieces of work.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace trireme::data {

class Workers {
 public:
  // `threads` in all, the caller of each() among them; with one, everything is done by the caller.
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Calls work(0), ..., work(count - 1), each once, by several threads, and returns when all are done. What the call
  // with the lowest number threw is thrown here. One each() at a time: a second waits for the first.
  void each(std::int64_t count, const std::function<void(std::int64_t)>& work) const;

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace trireme::data
