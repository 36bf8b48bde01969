#include "runtime/data/prefetch.h"

#include <utility>

namespace trireme::data {

Prefetcher::Prefetcher(std::shared_ptr<const Loader> loader, PrefetchOptions options)
    : loader_(std::move(loader)), options_(options) {
  require(options_.ahead >= 1, "data", "expected to read at least one batch ahead, found", options_.ahead);
  require(options_.first_step >= 0, "data", "expected a first step of zero or more, found", options_.first_step);
  (void)share_of(loader_->global_batch(), options_.division, 0);  // a batch that does not divide is an error here
  thread_ = std::jthread([this](const std::stop_token& stop) { read_ahead(stop); });
}

Batch Prefetcher::next(Device& device) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, options_.deadline, [&] { return !ready_.empty(); }))
    fail("data", "waited", static_cast<double>(options_.deadline.count()) / 1000.0, "s for the samples of step",
         options_.first_step + taken_ / options_.division.micros,
         "- the storage that holds the data does not answer, or is much slower than training");
  if (ready_.front().error) std::rethrow_exception(ready_.front().error);
  const HostBatch batch = std::move(ready_.front().batch);
  ready_.pop_front();
  ++taken_;
  lock.unlock();
  changed_.notify_all();
  return loader_->upload(device, batch);
}

void Prefetcher::read_ahead(const std::stop_token& stop) {
  const std::int64_t micros = options_.division.micros;
  for (std::int64_t number = 0; !stop.stop_requested(); ++number) {
    Item item;
    try {
      item.batch = loader_->prepare(options_.first_step + number / micros,
                                    share_of(loader_->global_batch(), options_.division, number % micros));
    } catch (...) {
      item.error = std::current_exception();
    }
    std::unique_lock lock(mutex_);
    const auto room = [&] { return static_cast<std::int64_t>(ready_.size()) < options_.ahead; };
    if (!changed_.wait(lock, stop, room)) return;
    ready_.push_back(std::move(item));
    lock.unlock();
    changed_.notify_all();
  }
}

}  // namespace trireme::data
