#include "parallel/snapshot/snapshot.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "parallel/snapshot/part.h"
#include "parallel/snapshot/staging.h"
#include "parallel/together/together.h"

namespace trireme::parallel {
namespace {

constexpr std::string_view where = "checkpoint";

// A range of the flat order, its values, and how it is called in a checkpoint.
struct Buffer {
  std::int64_t begin = 0, end = 0;
  nn::Held held = nn::Held::alone;
  Tensor values;  // f32, or bf16 masters, which are stored as f32 too
  std::string prefix;
  std::string file;
};

void add_weights(std::vector<Buffer>& all, const nn::FlatParameters& parameters) {
  for (const nn::OwnedRange& range : parameters.owned())
    all.push_back({range.begin, range.end, range.held, range.weights, "", "model"});
}

// What this rank has of a state: without sharding, all of it.
std::vector<Buffer> buffers(const State& state) {
  std::vector<Buffer> all;
  add_weights(all, state.parameters);
  for (const auto& [moment, prefix] : {std::pair{state.optimizer.moment1, "optimizer.moment1."},
                                       std::pair{state.optimizer.moment2, "optimizer.moment2."}}) {
    if (!moment) continue;
    for (const nn::OwnedRange& range : state.parameters.owned()) {
      if (!range.gradients) continue;  // frozen parameters have no moments
      const Tensor values = moment.range(range.local, range.local + (range.end - range.begin));
      all.push_back({range.begin, range.end, range.held, values, prefix, "optimizer"});
    }
  }
  return all;
}

std::string rule_name(UpdateRule rule) {
  static constexpr const char* names[] = {"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"};
  return names[static_cast<std::size_t>(rule)];
}

// The parameters that lie in [begin, end) of the flat order: visit(placement, from, to).
template <class Visit>
void for_each_parameter(const nn::FlatParameters& parameters, std::int64_t begin, std::int64_t end, Visit&& visit) {
  for (const nn::Placement& p : parameters.placements()) {
    const std::int64_t from = std::max(begin, p.begin), to = std::min(end, p.begin + p.count);
    if (from < to) visit(p, from, to);
  }
}

// Elements of a piece as slices of the whole tensor: the rows of a block of columns are one slice in runs, where they
// are whole.
std::vector<store::Slice> slices_of(const nn::Piece& piece, std::int64_t first, std::int64_t count) {
  const std::vector<nn::Run> runs = nn::runs_of(piece, first, count);
  std::int64_t row = 1;  // of the whole tensor, from one block of columns to the next
  for (int dim = piece.dim; dim < piece.whole.dims(); ++dim) row *= piece.whole[dim];
  std::vector<store::Slice> slices;
  for (std::size_t i = 0; i < runs.size();) {
    std::size_t end = i + 1;
    while (end < runs.size() && runs[end].count == runs[i].count && runs[end].whole - runs[end - 1].whole == row) ++end;
    const auto rows = static_cast<std::int64_t>(end - i);
    slices.push_back({.name = {},
                      .shape = piece.whole,
                      .begin = runs[i].whole,
                      .count = rows * runs[i].count,
                      .run = rows > 1 ? runs[i].count : 0,
                      .stride = rows > 1 ? row : 0});
    i = end;
  }
  return slices;
}

// The share of `count` things that one of some ranks takes.
nn::Interval share_of(std::int64_t count, int index, int of) {
  return {count * index / of, count * (index + 1) / of};
}

// Adds what this rank writes of a buffer: its equal share among the ranks that have the same.
void add_part(store::CheckpointWriter& writer, const Buffer& buffer, const nn::FlatParameters& parameters,
              const Holding& holding, const ToHost& to_host) {
  const bool alone = buffer.held == nn::Held::alone;
  const nn::Interval share = alone ? share_of(buffer.end - buffer.begin, holding.copy, holding.copies)
                                   : share_of(buffer.end - buffer.begin, holding.copy * holding.twins + holding.twin,
                                              holding.copies * holding.twins);
  for_each_parameter(parameters, buffer.begin + share.begin, buffer.begin + share.end,
                     [&](const nn::Placement& p, std::int64_t from, std::int64_t to) {
                       if (p.parameter == holding.saved_elsewhere) return;
                       const Tensor range = buffer.values.range(from - buffer.begin, to - buffer.begin);
                       const std::byte* data = to_host(range);
                       for (store::Slice& slice : slices_of(p.parameter->piece, from - p.begin, to - from)) {
                         const std::int64_t count = slice.count;
                         slice.name = buffer.prefix + p.parameter->name;
                         slice.file = buffer.file;
                         writer.add(std::move(slice), data);
                         data += count * size_of(DType::f32);
                       }
                     });
}

// The module's own buffers, which all ranks have: one of them writes them.
void add_module_buffers(store::CheckpointWriter& writer, const nn::FlatParameters& parameters, const Holding& holding,
                        const ToHost& to_host) {
  if (parameters.sharding().part != 0 || holding.copy != 0 || holding.twin != 0) return;
  for (const nn::Buffer* buffer : parameters.buffers.all())
    writer.add({.name = buffer->name,
                .dtype = DType::f32,
                .shape = buffer->shape,
                .begin = 0,
                .count = buffer->shape.numel(),
                .file = "model"},
               to_host(buffer->value));
}

void read_module_buffers(const store::CheckpointReader& checkpoint, const nn::FlatParameters& parameters) {
  for (const nn::Buffer* buffer : parameters.buffers.all()) {
    const store::ManifestTensor* stored = checkpoint.find(buffer->name);
    if (!stored) fail(where, checkpoint.path(), "has no tensor", buffer->name, "; was it saved by another model?");
    if (stored->shape != buffer->shape || stored->dtype != DType::f32)
      fail(where, checkpoint.path(), "tensor", buffer->name, "is", stored->shape, "of", stored->dtype,
           ", the model expects", buffer->shape, "of f32");
    std::vector<float> values(static_cast<std::size_t>(buffer->shape.numel()));
    checkpoint.read(buffer->name, 0, buffer->shape.numel(), values.data());
    buffer->value.device().copy_from_host(buffer->value.raw(), values.data(), buffer->value.bytes());
  }
}

void read_buffer(const store::CheckpointReader& checkpoint, const Buffer& buffer,
                 const nn::FlatParameters& parameters) {
  for_each_parameter(parameters, buffer.begin, buffer.end,
                     [&](const nn::Placement& p, std::int64_t from, std::int64_t to) {
                       const std::string name = buffer.prefix + p.parameter->name;
                       const Shape& shape = p.parameter->piece.whole;
                       const store::ManifestTensor* stored = checkpoint.find(name);
                       if (!stored)
                         fail(where, checkpoint.path(), "has no tensor", name, "; was it saved by another model?");
                       if (stored->shape != shape || stored->dtype != DType::f32)
                         fail(where, checkpoint.path(), "tensor", name, "is", stored->shape, "of", stored->dtype,
                              ", the model expects", shape, "of f32");
                       std::vector<store::ElementRange> ranges;
                       for (const nn::Run& run : nn::runs_of(p.parameter->piece, from - p.begin, to - from))
                         ranges.push_back({run.whole, run.count});
                       Tensor range = buffer.values.range(from - buffer.begin, to - buffer.begin);
                       if (range.device().type() == DeviceType::cpu && range.dtype() == DType::f32) {
                         checkpoint.read(name, ranges, range.raw());
                         return;
                       }
                       std::vector<float> values(static_cast<std::size_t>(to - from));
                       checkpoint.read(name, ranges, values.data());
                       if (range.dtype() == DType::f32)
                         return range.device().copy_from_host(range.raw(), values.data(), range.bytes());
                       const std::vector<BFloat16> narrow(values.begin(), values.end());
                       range.device().copy_from_host(range.raw(), narrow.data(), range.bytes());
                     });
}

bool is_of_optimizer(const std::string& tensor) {
  return tensor.starts_with("optimizer.");
}

// What is in the checkpoint must be in the model: with another number of layers some of it would be forgotten.
void check_nothing_is_left(const store::CheckpointReader& checkpoint,
                           const std::vector<const nn::FlatParameters*>& networks) {
  std::set<std::string_view> known;
  for (const nn::FlatParameters* parameters : networks) {
    for (const nn::Placement& p : parameters->placements()) known.insert(p.parameter->name);
    for (const nn::Buffer* buffer : parameters->buffers.all()) known.insert(buffer->name);
  }
  for (const store::ManifestTensor& tensor : checkpoint.tensors())
    if (!is_of_optimizer(tensor.name) && !known.contains(tensor.name))
      fail(where, checkpoint.path(), "has a tensor", tensor.name,
           "that the model has not; was it saved by another model?");
}

const std::string& entry(const store::CheckpointReader& checkpoint, const std::string& key) {
  const auto found = checkpoint.metadata().find(key);
  if (found == checkpoint.metadata().end()) fail(where, checkpoint.path(), "has no", key, "in its manifest");
  return found->second;
}

template <class Number>
Number number(const store::CheckpointReader& checkpoint, const std::string& key, Number (*parse)(const std::string&)) {
  const std::string& text = entry(checkpoint, key);
  try {
    return parse(text);
  } catch (const std::exception&) {
    fail(where, checkpoint.path(), "expected a number as", key, ", found", text);
  }
}

std::int64_t whole(const std::string& text) {
  return std::stoll(text);
}
float real(const std::string& text) {
  return std::stof(text);
}

// How an entry of the manifest about a network is called.
std::string key_of(const State& state, const char* entry) {
  return state.name.empty() ? entry : std::string(state.name) + '.' + entry;
}

void add_network(store::CheckpointWriter& writer, State state, Group& group, const ToHost& to_host) {
  if (state.holding.copies == 0) {
    const bool shared = state.parameters.sharding().parts == 1;
    state.holding.copy = shared ? group.rank() : 0;
    state.holding.copies = shared ? group.size() : 1;
  }
  for (const Buffer& buffer : buffers(state)) add_part(writer, buffer, state.parameters, state.holding, to_host);
  add_module_buffers(writer, state.parameters, state.holding, to_host);
}

void load_network(const store::CheckpointReader& checkpoint, const State& state) {
  const std::string rule = rule_name(state.optimizer.config().rule), rule_key = key_of(state, "optimizer.rule");
  if (entry(checkpoint, rule_key) != rule)
    fail(where, checkpoint.path(), "was saved with the optimizer", entry(checkpoint, rule_key), ", the job asks for",
         rule, "; resume with the same optimizer");
  for (const Buffer& buffer : buffers(state)) read_buffer(checkpoint, buffer, state.parameters);
  read_module_buffers(checkpoint, state.parameters);
  state.parameters.refresh_compute();
  state.optimizer.set_steps(number(checkpoint, key_of(state, "optimizer.steps"), whole));
  // A scale that was not found by trial, or is not to be any more, is the job's to say.
  if (state.loss_scale.dynamic && number(checkpoint, key_of(state, "loss_scale.dynamic"), whole) == 1) {
    state.loss_scale.scale = number(checkpoint, key_of(state, "loss_scale"), real);
    state.loss_scale.good_steps = number(checkpoint, key_of(state, "loss_scale.good_steps"), whole);
  }
  state.loss_scale.skipped = number(checkpoint, key_of(state, "loss_scale.skipped"), whole);
}

}  // namespace

store::Metadata with_states(store::Metadata metadata, States states) {
  for (const State& state : states) {
    metadata[key_of(state, "optimizer.rule")] = rule_name(state.optimizer.config().rule);
    metadata[key_of(state, "optimizer.steps")] = std::to_string(state.optimizer.steps());
    metadata[key_of(state, "loss_scale.dynamic")] = state.loss_scale.dynamic ? "1" : "0";
    metadata[key_of(state, "loss_scale")] = std::to_string(state.loss_scale.scale);
    metadata[key_of(state, "loss_scale.good_steps")] = std::to_string(state.loss_scale.good_steps);
    metadata[key_of(state, "loss_scale.skipped")] = std::to_string(state.loss_scale.skipped);
  }
  return metadata;
}

void add_part(store::CheckpointWriter& writer, States states, Group& group, const ToHost& to_host) {
  for (const State& state : states) add_network(writer, state, group, to_host);
}

void save_state(const std::string& path, std::int64_t step, States states, store::Metadata metadata, Group& group,
                Stream& stream) {
  Device& device = states.front().parameters.device();
  const std::string tag = gather_text(store::unique_tag(), device, group, stream).front();
  std::optional<store::CheckpointWriter> writer;
  Staging staging(device);
  const auto to_host = [&](const Tensor& values) {
    return device.type() == DeviceType::cpu && values.dtype() == DType::f32 ? values.raw() : staging.copy(values);
  };
  const std::vector<std::string> parts = together(device, group, stream, [&] {
    writer.emplace(store::CheckpointOptions{
        .path = path, .step = step, .writer = group.rank(), .writers = group.size(), .tag = tag});
    add_part(*writer, states, group, to_host);
    return writer->finish_part();
  });
  together(device, group, stream, [&] {
    if (group.rank() == 0) writer->publish(parts, with_states(std::move(metadata), states));
    return std::string();
  });
}

void load_state(const store::CheckpointReader& checkpoint, States states) {
  std::vector<const nn::FlatParameters*> all;
  bool complete = true;
  for (const State& state : states) {
    all.push_back(&state.parameters);
    complete = complete && state.holding.whole;
  }
  if (complete) check_nothing_is_left(checkpoint, all);
  for (const State& state : states) load_network(checkpoint, state);
}

void load_parameters(const store::CheckpointReader& checkpoint, nn::FlatParameters& parameters, Networks saved) {
  if (saved == Networks::one) check_nothing_is_left(checkpoint, {&parameters});
  std::vector<Buffer> weights;
  add_weights(weights, parameters);
  for (const Buffer& buffer : weights) read_buffer(checkpoint, buffer, parameters);
  read_module_buffers(checkpoint, parameters);
  parameters.refresh_compute();
}

}  // namespace trireme::parallel
