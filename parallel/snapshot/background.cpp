#include "parallel/snapshot/background.h"

#include <cerrno>
#include <ctime>
#include <utility>

#include "parallel/snapshot/part.h"
#include "parallel/together/together.h"
#include "runtime/base/threads.h"

namespace trireme::parallel {
namespace {

constexpr auto look_again = std::chrono::milliseconds(20);
constexpr double share_of_a_core = 0.02;

double processor_seconds() {  // of the calling thread
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

BackgroundSaver::BackgroundSaver(Device& device, store::FaultHook fault)
    : paced_(device.type() == DeviceType::cpu),
      fault_(std::move(fault)),
      before_([this](std::string_view call, const std::string& path) { return before(call, path); }),
      staging_(device) {}

int BackgroundSaver::before(std::string_view call, const std::string& path) {
  {
    std::unique_lock lock(mutex_);
    if (paced_ && call == "write") {
      const double used = processor_seconds();
      const std::chrono::duration<double> pace((used - used_) / share_of_a_core);
      const auto next = since_ + std::chrono::duration_cast<Clock::duration>(pace);
      changed_.wait_until(lock, next, [this] { return given_up_ || hurries_; });
      since_ = Clock::now();
      used_ = used;
    }
    if (given_up_) return ECANCELED;
  }
  return fault_ ? fault_(call, path) : 0;
}

BackgroundSaver::~BackgroundSaver() {
  {
    const std::lock_guard lock(mutex_);
    given_up_ = true;
  }
  changed_.notify_all();
  end_thread();
}

void BackgroundSaver::save(Request request, States states, Group& group, Stream& stream) {
  finish(group, stream);
  Device& device = staging_.device();
  const std::string tag = gather_text(store::unique_tag(), device, group, stream).front();
  request.metadata = with_states(std::move(request.metadata), states);
  together(device, group, stream, [&] {
    writer_.emplace(store::CheckpointOptions{.path = request.path,
                                             .step = request.step,
                                             .writer = group.rank(),
                                             .writers = group.size(),
                                             .tag = tag,
                                             .fault = before_});
    staging_.rewind();
    add_part(*writer_, states, group, [this](const Tensor& values) { return staging_.copy(values); });
    return std::string();
  });
  progress_ = Progress::writing;
  hurries_ = false;
  thread_ = start_thread([this, mine = std::move(request)]() mutable { write(mine); });
}

void BackgroundSaver::write(Request& request) {
  since_ = Clock::now();
  used_ = processor_seconds();
  try {
    writer_->leave_part(writer_->finish_part());
    advance(Progress::left);
    if (writer_->options().writer == 0) {
      std::vector<std::string> parts;
      while ((parts = writer_->parts_left()).empty()) {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, look_again, [&] { return given_up_; })) fail("checkpoint", "was given up");
      }
      writer_->publish(parts, std::move(request.metadata));
      if (request.published) request.published();
      const std::lock_guard lock(mutex_);
      completed_ = request.step;
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
  }
  advance(Progress::done);
}

void BackgroundSaver::advance(Progress progress) {
  {
    const std::lock_guard lock(mutex_);
    progress_ = progress;
  }
  changed_.notify_all();
}

bool BackgroundSaver::failed() const {
  const std::lock_guard lock(mutex_);
  return failure_ != nullptr;
}

std::optional<std::int64_t> BackgroundSaver::take_completed() {
  const std::lock_guard lock(mutex_);
  return std::exchange(completed_, {});
}

void BackgroundSaver::wait_for(Progress progress, Group& group) {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, look_again, [&] { return progress_ >= progress; })) {
    lock.unlock();
    group.check();  // a rank that has failed leaves no part
    lock.lock();
  }
  if (failure_) std::rethrow_exception(failure_);
}

void BackgroundSaver::finish(Group& group, Stream& stream) {
  if (!writer_) return;
  {
    const std::lock_guard lock(mutex_);
    hurries_ = true;
  }
  changed_.notify_all();
  // First all parts: rank 0 would wait for ever for one that failed.
  for (const Progress progress : {Progress::left, Progress::done}) {
    together(staging_.device(), group, stream, [&] {
      wait_for(progress, group);
      return std::string();
    });
  }
  end_thread();
}

void BackgroundSaver::end_thread() {
  if (thread_.joinable()) thread_.join();
  writer_.reset();
}

}  // namespace trireme::parallel
