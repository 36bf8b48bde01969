// Saving while training goes on: a save costs the run one copy of the state, and a thread writes that copy.
//
// Every rank's thread writes its part and leaves a description of it beside the files; the thread of rank 0 publishes
// the checkpoint once all parts are there, so nothing is exchanged among the ranks meanwhile. Beside computation on the
// same cores a thread takes a fiftieth of one, until somebody waits for it. A rank whose thread has failed knows
// (failed()), and finish() throws it on all of them; the checkpoints that there were stay.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "parallel/snapshot/snapshot.h"
#include "parallel/snapshot/staging.h"

namespace trireme::parallel {

class BackgroundSaver {
 public:
  // `fault` is asked before every call that changes the disk; a test's.
  explicit BackgroundSaver(Device& device, store::FaultHook fault = {});
  // Gives up what is not saved yet: nothing of it stays.
  ~BackgroundSaver();
  BackgroundSaver(const BackgroundSaver&) = delete;
  BackgroundSaver& operator=(const BackgroundSaver&) = delete;

  struct Request {
    std::string path;
    std::int64_t step = 0;
    store::Metadata metadata;
    // Called on rank 0, by its thread, when the checkpoint is in place; what it throws fails the save.
    std::function<void()> published = {};
  };
  // As save_state(), but returns when the state has been copied. Where the save before is not done, waits for it first:
  // there is one copy. Collective.
  void save(Request request, States states, Group& group, Stream& stream);
  void save(Request request, const State& state, Group& group, Stream& stream) {
    save(std::move(request), States(&state, 1), group, stream);
  }
  // Whether the writing on this rank has failed: time for all ranks to finish().
  bool failed() const;
  // On rank 0: the step of a save that has been completed since the last call.
  std::optional<std::int64_t> take_completed();
  // Waits for what is being saved; throws, on every rank, what it failed with on any. Collective.
  void finish(Group& group, Stream& stream);

 private:
  enum class Progress : std::uint8_t { writing, left, done };  // `left`: this rank's part is
  int before(std::string_view call, const std::string& path);
  void write(Request& request);
  void wait_for(Progress progress, Group& group);
  void advance(Progress progress);
  void end_thread();

  using Clock = std::chrono::steady_clock;
  const bool paced_;
  store::FaultHook fault_, before_;
  Staging staging_;
  std::optional<store::CheckpointWriter> writer_;
  std::thread thread_;
  Clock::time_point since_{};  // the thread's last write, and its processor's seconds then
  double used_ = 0.0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool given_up_ = false, hurries_ = false;
  Progress progress_ = Progress::done;
  std::exception_ptr failure_;
  std::optional<std::int64_t> completed_;
};

}  // namespace trireme::parallel
