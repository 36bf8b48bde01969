#include "collectives/nccl/nccl_group.h"

#include <array>
#include <string>
#include <utility>

#include "collectives/group/call.h"
#include "collectives/group/checks.h"
#include "collectives/nccl/communicator.h"
#include "collectives/nccl/pending.h"
#include "collectives/nccl/registered.h"
#include "runtime/base/host.h"
#include "runtime/device/cuda/cuda_device.h"

namespace trireme::nccl {
namespace {

using collectives::Call;
using collectives::Operation;

ncclDataType_t type_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return ncclFloat32;
    case DType::f64: return ncclFloat64;
    case DType::bf16: return ncclBfloat16;
    case DType::f16: return ncclFloat16;
    case DType::i32: return ncclInt32;
    case DType::i64: return ncclInt64;
    case DType::u8: return ncclUint8;
    case DType::u16: break;
  }
  fail("nccl", "expected elements that NCCL can add, found", dtype);
}

ncclRedOp_t reduction_of(Reduction reduction) {
  constexpr std::array operations{ncclSum, ncclMax, ncclMin};
  return operations[static_cast<std::size_t>(reduction)];
}

std::size_t bytes_of(const Region& region) {
  return static_cast<std::size_t>(region.bytes());
}

class NcclGroup : public Group {
 public:
  struct Parts {
    std::unique_ptr<Group> host;
    cuda::CudaDevice& device;
    std::shared_ptr<Communicator> communicator;
  };
  explicit NcclGroup(Parts parts)
      : parts_(std::move(parts)),
        pulse_(parts_.device.allocate(1, MemoryKind::workspace)),
        watch_(parts_.device.watch([this](double waited) { look(waited); })) {}
  NcclGroup(const NcclGroup&) = delete;
  NcclGroup& operator=(const NcclGroup&) = delete;
  ~NcclGroup() override {
    watch_.reset();
    parts_.communicator->finish();
  }

  int rank() const noexcept override { return parts_.host->rank(); }
  int size() const noexcept override { return parts_.host->size(); }
  std::string_view name() const noexcept override { return parts_.host->name(); }
  std::string_view transport() const noexcept override { return "nccl"; }
  bool capturable() const noexcept override { return true; }
  bool sums_in_rank_order() const noexcept override { return false; }

  std::shared_ptr<Storage> allocate(Device& device, std::int64_t bytes, MemoryKind kind) override {
    if (device.type() != DeviceType::cuda || bytes == 0) return device.allocate(bytes, kind);
    return device.adopt(make_registered(parts_.communicator, bytes), kind);
  }

  std::unique_ptr<Group> split(int color, int order, std::string name) override {
    auto host = parts_.host->split(color, order, std::move(name));
    Setting part{.host = *host, .deadline = setting().deadline, .who = setting().who};
    auto communicator = parts_.communicator->split(color, part);
    return std::make_unique<NcclGroup>(Parts{std::move(host), parts_.device, std::move(communicator)});
  }

  void all_reduce(Region in_out, Reduction reduction, Stream& stream) override {
    collectives::check_reduced("all_reduce", in_out);
    const ncclDataType_t type = type_of(in_out.dtype);
    const Call call{.operation = Operation::all_reduce,
                    .reduction = reduction,
                    .dtype = in_out.dtype,
                    .count = in_out.count,
                    .label = in_out.label};
    enqueue(stream, call, {in_out.data}, [=, this](cudaStream_t native) {
      return ncclAllReduce(in_out.data, in_out.data, static_cast<std::size_t>(in_out.count), type,
                           reduction_of(reduction), comm(), native);
    });
  }

  void all_gather(Region mine, Region all, Stream& stream) override {
    collectives::check_parts(*this, "all_gather", mine, all);
    enqueue(stream, named(Operation::all_gather, mine), {mine.data, all.data}, [=, this](cudaStream_t native) {
      return ncclAllGather(mine.data, all.data, bytes_of(mine), ncclUint8, comm(), native);
    });
  }

  void reduce_scatter(Region all, Region mine, Reduction reduction, Stream& stream) override {
    collectives::check_reduced("reduce_scatter", all);
    collectives::check_parts(*this, "reduce_scatter", mine, all);
    const ncclDataType_t type = type_of(mine.dtype);
    Call call = named(Operation::reduce_scatter, mine);
    call.reduction = reduction;
    enqueue(stream, call, {mine.data, all.data}, [=, this](cudaStream_t native) {
      return ncclReduceScatter(all.data, mine.data, static_cast<std::size_t>(mine.count), type, reduction_of(reduction),
                               comm(), native);
    });
  }

  void broadcast(Region in_out, int root, Stream& stream) override {
    collectives::check_root(*this, root);
    Call call = named(Operation::broadcast, in_out);
    call.root = root;
    enqueue(stream, call, {in_out.data}, [=, this](cudaStream_t native) {
      return ncclBroadcast(in_out.data, in_out.data, bytes_of(in_out), ncclUint8, root, comm(), native);
    });
  }

  void all_to_all(Region in, Region out, Stream& stream) override {
    collectives::check_exchange(*this, in, out);
    enqueue(stream, named(Operation::all_to_all, in), {in.data, out.data}, [=, this](cudaStream_t native) {
      const std::size_t share = bytes_of(in) / static_cast<std::size_t>(size());
      ncclResult_t result = ncclGroupStart();
      for (int peer = 0; peer < size() && result == ncclSuccess; ++peer) {
        const std::size_t offset = static_cast<std::size_t>(peer) * share;
        result = ncclSend(static_cast<const std::byte*>(in.data) + offset, share, ncclUint8, peer, comm(), native);
        if (result != ncclSuccess) break;
        result = ncclRecv(static_cast<std::byte*>(out.data) + offset, share, ncclUint8, peer, comm(), native);
      }
      const ncclResult_t ended = ncclGroupEnd();
      return result != ncclSuccess && result != ncclInProgress ? result : ended;
    });
  }

  void send(Region data, int to, Stream& stream) override {
    collectives::check_peer(*this, "send", to);
    Call call = named(Operation::send, data);
    call.root = to;
    enqueue(stream, call, {data.data}, [=, this](cudaStream_t native) {
      return ncclSend(data.data, bytes_of(data), ncclUint8, to, comm(), native);
    });
  }

  void recv(Region data, int from, Stream& stream) override {
    collectives::check_peer(*this, "recv", from);
    Call call = named(Operation::recv, data);
    call.root = from;
    enqueue(stream, call, {data.data}, [=, this](cudaStream_t native) {
      return ncclRecv(data.data, bytes_of(data), ncclUint8, from, comm(), native);
    });
  }

  void barrier(Stream& stream) override {
    enqueue(stream, Call{.operation = Operation::barrier}, {pulse_->data()}, [this](cudaStream_t native) {
      return ncclAllReduce(pulse_->data(), pulse_->data(), 1, ncclUint8, ncclMax, comm(), native);
    });
  }

  void check() override { parts_.communicator->check(); }
  void abort(std::string_view reason) noexcept override {
    parts_.host->abort(reason);
    parts_.communicator->break_kin();
  }

 private:
  const Setting& setting() const noexcept { return parts_.communicator->setting(); }
  ncclComm_t comm() const noexcept { return parts_.communicator->native(); }

  static Call named(Operation operation, const Region& region) {
    return {.operation = operation, .dtype = region.dtype, .count = region.count, .label = region.label};
  }

  // Enqueues launch(native stream) on `stream`, and remembers the call until the device has done it.
  template <class Launch>
  void enqueue(Stream& stream, const Call& call, std::initializer_list<const void*> used, const Launch& launch) {
    const bool apart = &stream == &parts_.device.communication();
    const cudaStream_t native = apart ? parts_.device.native_communication() : parts_.device.native_compute();
    if (parts_.communicator->broken()) check_broken();
    if (apart)
      for (const void* data : used) parts_.device.used_on_communication(data);
    stream.run([this, native, launch, operation = call.operation] {
      parts_.communicator->settle(launch(native), collectives::name_of(operation));
    });
    if (parts_.device.capturing())
      pending_.add_captured(call);
    else
      pending_.add(call, stream.record());
  }

  // Called by waits of the host for the device.
  void look(double waited) {
    try {
      parts_.communicator->check();
      if (waited < setting().deadline) return;
      const std::string first = pending_.first();
      if (first.empty()) return;  // some other group's wait
      fail("nccl", setting().who, "waited", static_cast<int>(waited), "s in", first,
           "of group '" + std::string(name()) + "'; some rank has not called it, or calls something else");
    } catch (const PeerFailed&) {
      parts_.communicator->break_kin();
      throw;
    } catch (const std::exception& error) {
      abort(error.what());
      throw;
    }
  }

  void check_broken() const {
    parts_.host->check();
    fail("nccl", "group '" + std::string(name()) + "' has failed and cannot be used any more");
  }

  Parts parts_;
  std::shared_ptr<Storage> pulse_;
  Pending pending_;
  std::shared_ptr<void> watch_;
};

}  // namespace
}  // namespace trireme::nccl

namespace trireme {

std::unique_ptr<Group> make_nccl_group(std::unique_ptr<Group> host, Device& device, const NcclOptions& options) {
  require(device.type() == DeviceType::cuda, "nccl", "expected a cuda device, found", device.type());
  auto& gpu = static_cast<cuda::CudaDevice&>(device);
  gpu.make_current();
  auto communicator =
      nccl::Communicator::start({.host = *host,
                                 .deadline = options.deadline,
                                 .who = "rank " + std::to_string(host->rank()) + " on host " + host_name()});
  return std::make_unique<nccl::NcclGroup>(nccl::NcclGroup::Parts{std::move(host), gpu, std::move(communicator)});
}

}  // namespace trireme
