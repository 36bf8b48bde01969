#include "runtime/data/prefetch.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <utility>

#include "runtime/base/threads.h"

namespace trireme::data {
namespace {

constexpr auto patience = std::chrono::seconds(1);  // with a read that is under way when nobody wants it any more

struct Item {
  HostBatch batch;
  std::exception_ptr error;
};

}  // namespace

struct Prefetcher::Shared {
  std::shared_ptr<const Loader> loader;
  PrefetchOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Item> ready;
  bool unwanted = false;  // the prefetcher is going
  bool ended = false;     // the thread is
};

Prefetcher::Prefetcher(std::shared_ptr<const Loader> loader, PrefetchOptions options)
    : shared_(std::make_shared<Shared>()) {
  require(options.ahead >= 1, "data", "expected to read at least one batch ahead, found", options.ahead);
  require(options.first_step >= 0, "data", "expected a first step of zero or more, found", options.first_step);
  (void)share_of(loader->global_batch(), options.division, 0);  // a batch that does not divide is an error here
  shared_->loader = std::move(loader);
  shared_->options = options;
  thread_ = start_thread([shared = shared_] { read_ahead(*shared); });
}

Prefetcher::~Prefetcher() {
  std::unique_lock lock(shared_->mutex);
  shared_->unwanted = true;
  shared_->changed.notify_all();
  const bool ended = shared_->changed.wait_for(lock, patience, [&] { return shared_->ended; });
  lock.unlock();
  ended ? thread_.join() : thread_.detach();
}

Batch Prefetcher::next(Device& device) {
  const PrefetchOptions& options = shared_->options;
  std::unique_lock lock(shared_->mutex);
  if (!shared_->changed.wait_for(lock, options.deadline, [&] { return !shared_->ready.empty(); }))
    fail<TimedOut>("data", "waited", static_cast<double>(options.deadline.count()) / 1000.0,
                   "s for the samples of step", options.first_step + taken_ / options.division.micros,
                   "- the storage that holds the data does not answer, or is much slower than training");
  if (shared_->ready.front().error) std::rethrow_exception(shared_->ready.front().error);
  const HostBatch batch = std::move(shared_->ready.front().batch);
  shared_->ready.pop_front();
  ++taken_;
  lock.unlock();
  shared_->changed.notify_all();
  return shared_->loader->upload(device, batch);
}

void Prefetcher::read_ahead(Shared& shared) {
  const PrefetchOptions& options = shared.options;
  const std::int64_t micros = options.division.micros;
  std::unique_lock lock(shared.mutex);
  for (std::int64_t number = 0; !shared.unwanted; ++number) {
    lock.unlock();
    Item item;
    try {
      item.batch = shared.loader->prepare(options.first_step + number / micros,
                                          share_of(shared.loader->global_batch(), options.division, number % micros));
    } catch (...) {
      item.error = std::current_exception();
    }
    lock.lock();
    shared.changed.wait(lock, [&] { return shared.unwanted || std::ssize(shared.ready) < options.ahead; });
    shared.ready.push_back(std::move(item));
    shared.changed.notify_all();
  }
  shared.ended = true;
  shared.changed.notify_all();
}

}  // namespace trireme::data
