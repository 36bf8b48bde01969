#include "parallel/together/any_rank.h"

#include <cstdint>
#include <span>

#include "runtime/tensor/tensor.h"

namespace trireme::parallel {

bool any_rank(bool mine, std::string_view what, Device& device, Group& group, Stream& stream) {
  if (group.size() == 1) return mine;
  const std::int32_t answer = mine ? 1 : 0;
  const Tensor answers = from_host<std::int32_t>(device, std::span(&answer, 1), {1}, MemoryKind::workspace);
  group.all_reduce({answers.raw(), 1, DType::i32, what}, Reduction::max, stream);
  stream.synchronize();
  return to_host<std::int32_t>(answers).front() != 0;
}

}  // namespace trireme::parallel
