#include "collectives/group/call.h"

#include <array>
#include <sstream>

#include "runtime/base/error.h"

namespace trireme {

std::string_view name_of(Reduction reduction) {
  switch (reduction) {
    case Reduction::sum: return "sum";
    case Reduction::max: return "max";
    case Reduction::min: return "min";
  }
  return "?";
}

namespace collectives {
namespace {

constexpr int dtype_bit = 5;
constexpr int reduction_bit = 9;
constexpr int root_bit = 11;
constexpr int count_bit = 27;

constexpr std::uint64_t field(std::uint64_t word, int bit, int width) {
  return (word >> bit) & ((std::uint64_t{1} << width) - 1);
}

}  // namespace

std::string_view name_of(Operation operation) {
  constexpr std::array<std::string_view, 11> names{"none",      "all_reduce", "all_gather", "reduce_scatter",
                                                   "broadcast", "all_to_all", "send",       "recv",
                                                   "barrier",   "split",      "allocate"};
  return names[static_cast<std::size_t>(operation)];
}

std::uint64_t Call::signature() const {
  if (root < 0 || root >> (count_bit - root_bit) != 0 || count < 0 || count >> (64 - count_bit) != 0)
    fail(name_of(operation), "expected a rank below 65536 and fewer than 2^37 elements, found", root, "and", count);
  return static_cast<std::uint64_t>(operation) | static_cast<std::uint64_t>(dtype) << dtype_bit |
         static_cast<std::uint64_t>(reduction) << reduction_bit |
         field(static_cast<std::uint64_t>(root), 0, count_bit - root_bit) << root_bit |
         static_cast<std::uint64_t>(count) << count_bit;
}

Call Call::unpack(std::uint64_t signature) {
  Call call;
  call.operation = static_cast<Operation>(field(signature, 0, dtype_bit));
  call.dtype = static_cast<DType>(field(signature, dtype_bit, reduction_bit - dtype_bit));
  call.reduction = static_cast<Reduction>(field(signature, reduction_bit, root_bit - reduction_bit));
  call.root = static_cast<int>(field(signature, root_bit, count_bit - root_bit));
  call.count = static_cast<std::int64_t>(signature >> count_bit);
  return call;
}

std::string Call::describe() const {
  std::ostringstream text;
  text << name_of(operation);
  const bool reduces = operation == Operation::all_reduce || operation == Operation::reduce_scatter;
  if (reduces) text << ' ' << trireme::name_of(reduction);
  if (operation == Operation::allocate)
    text << " of " << count << " bytes";
  else if (operation != Operation::barrier && operation != Operation::split)
    text << " of " << count << ' ' << trireme::name_of(dtype);
  if (operation == Operation::broadcast) text << " from rank " << root;
  if (operation == Operation::send) text << " to rank " << root;
  if (operation == Operation::recv) text << " from rank " << root;
  if (!label.empty()) text << " '" << label << '\'';
  return text.str();
}

}  // namespace collectives
}  // namespace trireme
