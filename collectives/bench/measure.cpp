#include "collectives/bench/measure.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>

#include "collectives/bench/mpi_all_reduce.h"
#include "runtime/base/error.h"

namespace trireme {
namespace {

using Clock = std::chrono::steady_clock;

struct Contender {
  std::string operation;
  std::string memory;
  double bus_factor = 1.0;
  std::function<void()> once;
  std::vector<double> seconds = {};
};

// So many in a row that the clock's own time does not matter.
int batch_of(std::int64_t bytes) { return static_cast<int>(std::clamp<std::int64_t>((2 << 20) / bytes, 1, 400)); }

// One sample: from a common start until this rank is done, for each of a batch.
double sample(Group& group, Device& device, const Contender& contender, int batch) {
  group.barrier(device.compute());
  const auto start = Clock::now();
  for (int repetition = 0; repetition < batch; ++repetition) contender.once();
  device.compute().synchronize();
  return std::chrono::duration<double>(Clock::now() - start).count() / batch;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Buffers and operations of one size.
class Course {
 public:
  Course(Group& group, Device& device, std::int64_t bytes)
      : group_(group),
        stream_(device.compute()),
        count_(bytes / 4),
        window_(group.allocate(device, bytes, MemoryKind::workspace)),
        memory_(device.allocate(bytes, MemoryKind::workspace)),
        other_(device.allocate(bytes, MemoryKind::workspace)) {
    for (const auto& storage : {window_, memory_, other_})
      std::fill_n(reinterpret_cast<float*>(storage->data()), count_, 1.0f);
  }

  std::vector<Contender> contenders() {
    const double ranks = group_.size();
    const double share = (ranks - 1) / ranks;
    std::vector<Contender> all;
    all.push_back({"all_reduce", "window", 2 * share, [this] { reduce(window_); }});
    if (group_.transport() == "mpi" && mpi_world_size() == group_.size())
      all.push_back({"all_reduce", "MPI_Allreduce", 2 * share,
                     [this] { mpi_all_reduce(reinterpret_cast<float*>(memory_->data()), count_); }});
    all.push_back({"all_reduce", "device", 2 * share, [this] { reduce(other_); }});
    if (count_ % group_.size() != 0) return all;
    all.push_back({"all_gather", "window", share, [this] { group_.all_gather(mine(), region(window_), stream_); }});
    all.push_back({"reduce_scatter", "window", share,
                   [this] { group_.reduce_scatter(region(window_), mine(), Reduction::sum, stream_); }});
    all.push_back({"broadcast", "window", 1.0, [this] { group_.broadcast(region(window_), 0, stream_); }});
    return all;
  }

 private:
  Region region(const std::shared_ptr<Storage>& storage) const {
    return {.data = storage->data(), .count = count_, .dtype = DType::f32, .label = "measure"};
  }
  Region mine() const {
    const std::int64_t count = count_ / group_.size();
    return {.data = window_->data() + group_.rank() * count * 4, .count = count, .dtype = DType::f32,
            .label = "measure"};
  }
  void reduce(const std::shared_ptr<Storage>& storage) { group_.all_reduce(region(storage), Reduction::sum, stream_); }

  Group& group_;
  Stream& stream_;
  std::int64_t count_;
  std::shared_ptr<Storage> window_;
  std::shared_ptr<Storage> memory_;
  std::shared_ptr<Storage> other_;
};

}  // namespace

std::vector<CollectiveTiming> measure_collectives(Group& group, Device& device, const CollectiveMeasure& options) {
  require(options.samples >= 1, "measure", "expected at least one sample, found", options.samples);
  std::vector<CollectiveTiming> timings;
  for (std::int64_t bytes : options.sizes) {
    require(bytes >= 4 && bytes % 4 == 0, "measure", "expected sizes of whole fp32 numbers, found", bytes, "bytes");
    Course course(group, device, bytes);
    auto contenders = course.contenders();
    const int batch = batch_of(bytes);
    for (int round = -1; round < options.samples; ++round) {  // the first is a rehearsal
      for (Contender& contender : contenders) {
        const double seconds = sample(group, device, contender, batch);
        if (round >= 0) contender.seconds.push_back(seconds);
      }
    }
    for (const Contender& contender : contenders) {
      float seconds = static_cast<float>(median(contender.seconds));
      group.all_reduce({.data = &seconds, .count = 1, .dtype = DType::f32, .label = "time"}, Reduction::max,
                       device.compute());
      const double bandwidth = static_cast<double>(bytes) / seconds;
      timings.push_back({.operation = contender.operation,
                         .memory = contender.memory,
                         .bytes = bytes,
                         .ranks = group.size(),
                         .seconds = seconds,
                         .algorithm_bandwidth = bandwidth,
                         .bus_bandwidth = bandwidth * contender.bus_factor});
    }
  }
  return timings;
}

}  // namespace trireme
