#include "collectives/staged/staged_group.h"

#include <algorithm>
#include <string>
#include <utility>

#include "collectives/group/checks.h"
#include "runtime/device/cpu/cpu_device.h"
#include "runtime/device/inline_stream.h"

namespace trireme {

using namespace collectives;

namespace {

// Every operation is one piece of host work of the stream: pieces are brought to the window, exchanged there by the
// host's group, and brought back. The window is this rank's part of memory that the host's group shares.
class StagedGroup : public Group {
 public:
  StagedGroup(std::unique_ptr<Group> host, Device& device, const StagingOptions& options)
      : host_(std::move(host)), device_(device), options_(options) {}

  int rank() const noexcept override { return host_->rank(); }
  int size() const noexcept override { return host_->size(); }
  std::string_view name() const noexcept override { return host_->name(); }
  std::string_view transport() const noexcept override { return host_->transport(); }
  bool capturable() const noexcept override { return size() == 1; }
  bool sums_in_rank_order() const noexcept override { return host_->sums_in_rank_order(); }

  std::shared_ptr<Storage> allocate(Device& device, std::int64_t bytes, MemoryKind kind) override {
    return device.allocate(bytes, kind);
  }
  std::unique_ptr<Group> split(int color, int order, std::string name) override {
    return std::make_unique<StagedGroup>(host_->split(color, order, std::move(name)), device_, options_);
  }
  void check() override { host_->check(); }
  void abort(std::string_view reason) noexcept override { host_->abort(reason); }

  void all_reduce(Region in_out, Reduction reduction, Stream& stream) override {
    check_reduced("all_reduce", in_out);
    if (size() == 1) return;
    stream.run_blocking([this, in_out, reduction, &stream] {
      in_pieces(in_out, 1, [&](Piece piece) {
        const Region window = bring(stream, in_out, piece);
        host_->all_reduce(window, reduction, here_);
        take_back(stream, in_out, piece);
      });
    });
  }

  void broadcast(Region in_out, int root, Stream& stream) override {
    check_root(*this, root);
    if (size() == 1) return;
    stream.run_blocking([this, in_out, root, &stream] {
      in_pieces(in_out, 1, [&](Piece piece) {
        const bool sends = rank() == root;
        const Region window = sends ? bring(stream, in_out, piece) : window_part(in_out, 0, piece.count);
        host_->broadcast(window, root, here_);
        if (!sends) take_back(stream, in_out, piece);
      });
    });
  }

  void all_gather(Region mine, Region all, Stream& stream) override {
    check_parts(*this, "all_gather", mine, all);
    if (size() == 1 && mine.data == all.data) return;
    stream.run_blocking([this, mine, all, &stream] {
      in_pieces(mine, size(), [&](Piece piece) {
        const Region own = window_part(mine, rank() * piece.count, piece.count);
        to_host(stream, own, mine, piece.begin);
        host_->all_gather(own, window_part(all, 0, size() * piece.count), here_);
        for (int part = 0; part < size(); ++part)
          from_host(stream, all, part * mine.count + piece.begin, window_part(all, part * piece.count, piece.count));
      });
    });
  }

  void reduce_scatter(Region all, Region mine, Reduction reduction, Stream& stream) override {
    check_reduced("reduce_scatter", all);
    check_parts(*this, "reduce_scatter", mine, all);
    if (size() == 1 && mine.data == all.data) return;
    stream.run_blocking([this, all, mine, reduction, &stream] {
      in_pieces(mine, size() + 1, [&](Piece piece) {
        for (int part = 0; part < size(); ++part)
          to_host(stream, window_part(all, part * piece.count, piece.count), all, part * mine.count + piece.begin);
        const Region sums = window_part(mine, size() * piece.count, piece.count);
        host_->reduce_scatter(window_part(all, 0, size() * piece.count), sums, reduction, here_);
        from_host(stream, mine, piece.begin, sums);
      });
    });
  }

  void all_to_all(Region in, Region out, Stream& stream) override {
    check_exchange(*this, in, out);
    stream.run_blocking([this, in, out, &stream] {
      const std::int64_t share = in.count / size();
      in_pieces({.count = share, .dtype = in.dtype}, 2 * size(), [&](Piece piece) {
        const std::int64_t half = size() * piece.count;
        for (int part = 0; part < size(); ++part)
          to_host(stream, window_part(in, part * piece.count, piece.count), in, part * share + piece.begin);
        host_->all_to_all(window_part(in, 0, half), window_part(out, half, half), here_);
        for (int part = 0; part < size(); ++part)
          from_host(stream, out, part * share + piece.begin, window_part(out, half + part * piece.count, piece.count));
      });
    });
  }

  // Two ranks alone cannot make the window, which takes all of them: messages have memory of this rank's own.
  void send(Region data, int to, Stream& stream) override {
    check_peer(*this, "send", to);
    stream.run_blocking([this, data, to, &stream] {
      in_letters(data, [&](Region letter, std::int64_t first) {
        to_host(stream, letter, data, first);
        host_->send(letter, to, here_);
      });
    });
  }

  void recv(Region data, int from, Stream& stream) override {
    check_peer(*this, "recv", from);
    stream.run_blocking([this, data, from, &stream] {
      in_letters(data, [&](Region letter, std::int64_t first) {
        host_->recv(letter, from, here_);
        from_host(stream, data, first, letter);
      });
    });
  }

  void barrier(Stream& stream) override {
    if (size() == 1) return;
    stream.run_blocking([this, &stream] {
      device_.copy_to_host_on(stream, nullptr, nullptr, 0);  // until the stream has come here
      host_->barrier(here_);
    });
  }

 private:
  // Elements [begin, begin + count) of what every rank contributes.
  struct Piece {
    std::int64_t begin = 0;
    std::int64_t count = 0;
  };

  // Calls work(Piece) so that `parts` pieces fit the window; at least once, since the ranks meet in it. The pieces are
  // the same on all ranks when the counts are.
  template <class Work>
  void in_pieces(const Region& whole, int parts, const Work& work) {
    if (!window_) {
      window_ = host_->allocate(*host_memory_, options_.window_bytes, MemoryKind::workspace);
      pinned_ = device_.pin(window_->data(), window_->bytes());
    }
    const std::int64_t most = options_.window_bytes / (parts * size_of(whole.dtype));
    require(most > 0, "staging", "expected a window of at least", parts, "elements, found", options_.window_bytes,
            "bytes");
    std::int64_t begin = 0;
    do {
      const Piece piece{begin, std::min(most, whole.count - begin)};
      work(piece);
      begin += piece.count;
    } while (begin < whole.count);
  }

  // Calls work(Region of host memory, first element of `data` that it stands for), at least once.
  template <class Work>
  void in_letters(const Region& data, const Work& work) {
    if (!letters_) letters_ = device_.allocate_host(options_.window_bytes);
    const std::int64_t most = options_.window_bytes / size_of(data.dtype);
    std::int64_t first = 0;
    do {
      const std::int64_t count = std::min(most, data.count - first);
      work({.data = letters_->data(), .count = count, .dtype = data.dtype, .label = data.label}, first);
      first += count;
    } while (first < data.count);
  }

  // Elements of the window, as many as of `like`'s kind.
  Region window_part(const Region& like, std::int64_t first, std::int64_t count) const {
    return {.data = window_->data() + first * size_of(like.dtype),
            .count = count,
            .dtype = like.dtype,
            .label = like.label};
  }
  Region bring(Stream& stream, const Region& region, Piece piece) {
    const Region window = window_part(region, 0, piece.count);
    to_host(stream, window, region, piece.begin);
    return window;
  }
  void take_back(Stream& stream, const Region& region, Piece piece) {
    from_host(stream, region, piece.begin, window_part(region, 0, piece.count));
  }
  void to_host(Stream& stream, const Region& window, const Region& region, std::int64_t first) {
    const auto* data = static_cast<const std::byte*>(region.data) + first * size_of(region.dtype);
    if (window.count > 0) device_.copy_to_host_on(stream, window.data, data, window.bytes());
  }
  void from_host(Stream& stream, const Region& region, std::int64_t first, const Region& window) {
    auto* data = static_cast<std::byte*>(region.data) + first * size_of(region.dtype);
    if (window.count > 0) device_.copy_from_host_on(stream, data, window.data, window.bytes());
  }

  std::unique_ptr<Group> host_;
  Device& device_;
  StagingOptions options_;
  std::unique_ptr<Device> host_memory_ = make_cpu_device();
  InlineStream here_;                // work of a stream is already in its place
  std::shared_ptr<Storage> window_;  // made by the first operation of all ranks
  std::shared_ptr<void> pinned_;
  std::shared_ptr<Storage> letters_;
};

}  // namespace

std::unique_ptr<Group> make_staged_group(std::unique_ptr<Group> host, Device& device, const StagingOptions& options) {
  return std::make_unique<StagedGroup>(std::move(host), device, options);
}

}  // namespace trireme
