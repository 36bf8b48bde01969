#include "collectives/dry/dry_group.h"

#include <algorithm>

#include "collectives/group/call.h"
#include "collectives/group/checks.h"
#include "runtime/base/error.h"

namespace trireme {

using namespace collectives;

namespace {

class DryGroup : public Group {
 public:
  DryGroup(DrySplit self, DryRecord* record, std::vector<DrySplit> splits)
      : self_(std::move(self)), record_(record), splits_(std::move(splits)) {}

  int rank() const noexcept override { return self_.rank; }
  int size() const noexcept override { return self_.size; }
  std::string_view name() const noexcept override { return self_.name; }
  std::string_view transport() const noexcept override { return "dry"; }

  std::shared_ptr<Storage> allocate(Device& device, std::int64_t bytes, MemoryKind kind) override {
    note(Operation::allocate, {.count = bytes, .dtype = DType::u8});
    return device.allocate(bytes, kind);
  }
  std::unique_ptr<Group> split(int, int, std::string name) override {
    note(Operation::split, {.label = name});
    const auto foretold = std::find_if(splits_.begin(), splits_.end(), [&](const auto& s) { return s.name == name; });
    DrySplit child = foretold == splits_.end() ? DrySplit{.name = name, .rank = rank(), .size = size()} : *foretold;
    return std::make_unique<DryGroup>(std::move(child), record_, splits_);
  }

  void all_reduce(Region in_out, Reduction, Stream&) override {
    check_reduced("all_reduce", in_out);
    note(Operation::all_reduce, in_out);
  }
  void all_gather(Region mine, Region all, Stream&) override {
    check_parts(*this, "all_gather", mine, all);
    note(Operation::all_gather, all);
  }
  void reduce_scatter(Region all, Region mine, Reduction, Stream&) override {
    check_reduced("reduce_scatter", all);
    check_parts(*this, "reduce_scatter", mine, all);
    note(Operation::reduce_scatter, all);
  }
  void broadcast(Region in_out, int root, Stream&) override {
    check_root(*this, root);
    note(Operation::broadcast, in_out);
  }
  void all_to_all(Region in, Region out, Stream&) override {
    check_exchange(*this, in, out);
    note(Operation::all_to_all, in);
  }
  void send(Region data, int to, Stream&) override {
    check_peer(*this, "send", to);
    note(Operation::send, data);
  }
  void recv(Region data, int from, Stream&) override {
    check_peer(*this, "recv", from);
    note(Operation::recv, data);
  }
  void barrier(Stream&) override { note(Operation::barrier, {}); }
  void abort(std::string_view) noexcept override {}

 private:
  void note(Operation operation, const Region& region) {
    if (record_)
      record_->push_back({.operation = std::string(name_of(operation)),
                          .bytes = region.bytes(),
                          .dtype = region.dtype,
                          .label = std::string(region.label),
                          .group = self_.name,
                          .ranks = size()});
  }

  DrySplit self_;
  DryRecord* record_;
  std::vector<DrySplit> splits_;
};

}  // namespace

std::int64_t bytes_sent(const DryOperation& operation) {
  const std::int64_t share = operation.bytes - (operation.bytes + operation.ranks - 1) / operation.ranks;
  if (operation.operation == "all_reduce") return 2 * share;
  if (operation.operation == "all_gather" || operation.operation == "reduce_scatter" ||
      operation.operation == "all_to_all" || operation.operation == "broadcast")
    return share;
  return operation.operation == "send" ? operation.bytes : 0;
}

std::unique_ptr<Group> make_dry_group(int rank, int size, DryRecord* record, std::vector<DrySplit> splits) {
  require(size >= 1 && rank >= 0 && rank < size, "dry group", "expected a rank of", size, "ranks, found", rank);
  return std::make_unique<DryGroup>(DrySplit{.name = "world", .rank = rank, .size = size}, record, std::move(splits));
}

}  // namespace trireme
