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
int batch_of(std::int64_t bytes) {
  return static_cast<int>(std::clamp<std::int64_t>((16 << 20) / bytes, 5, 300));
}

// One sample: from a common start until this rank is done, for each of a batch, after one that is not counted: what
// another contender left in the caches is not its affair.
double sample(Group& group, Device& device, const Contender& contender, int batch) {
  contender.once();
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

// The operations of one size, each on memory of its own: what one leaves in the caches must not help or hinder another.
class Course {
 public:
  Course(Group& group, Device& device, std::int64_t bytes)
      : group_(group), device_(device), stream_(device.compute()), count_(bytes / 4) {}

  std::vector<Contender> contenders() {
    const double ranks = group_.size();
    const double share = (ranks - 1) / ranks;
    std::vector<Contender> all;
    const auto reduce = [this](const Region& region) {
      return [this, region] { group_.all_reduce(region, Reduction::sum, stream_); };
    };
    all.push_back({"all_reduce", "window", 2 * share, reduce(window())});
    if (group_.transport() == "mpi" && mpi_world_size() == group_.size())
      all.push_back({"all_reduce", "MPI_Allreduce", 2 * share,
                     [this, region = memory()] { mpi_all_reduce(static_cast<float*>(region.data), region.count); }});
    all.push_back({"all_reduce", "device", 2 * share, reduce(memory())});
    if (count_ % group_.size() != 0) return all;
    all.push_back({"all_gather", "window", share,
                   [this, region = window()] { group_.all_gather(part_of(region), region, stream_); }});
    all.push_back({"reduce_scatter", "window", share, [this, region = window()] {
                     group_.reduce_scatter(region, part_of(region), Reduction::sum, stream_);
                   }});
    all.push_back({"broadcast", "window", 1.0, [this, region = window()] { group_.broadcast(region, 0, stream_); }});
    return all;
  }

 private:
  Region window() { return keep(group_.allocate(device_, count_ * 4, MemoryKind::workspace)); }
  Region memory() { return keep(device_.allocate(count_ * 4, MemoryKind::workspace)); }
  Region keep(std::shared_ptr<Storage> storage) {
    std::fill_n(reinterpret_cast<float*>(storage->data()), count_, 1.0f);
    storages_.push_back(std::move(storage));
    return {.data = storages_.back()->data(), .count = count_, .dtype = DType::f32, .label = "measure"};
  }
  Region part_of(const Region& region) const {
    const std::int64_t count = count_ / group_.size();
    return {.data = static_cast<float*>(region.data) + group_.rank() * count,
            .count = count,
            .dtype = DType::f32,
            .label = "measure"};
  }

  Group& group_;
  Device& device_;
  Stream& stream_;
  std::int64_t count_;
  std::vector<std::shared_ptr<Storage>> storages_;
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
