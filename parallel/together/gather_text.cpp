#include "parallel/together/gather_text.h"

#include <algorithm>
#include <cstdint>

#include "runtime/tensor/tensor.h"

namespace trireme::parallel {
namespace {

Region region(const Tensor& tensor, std::string_view label) {
  return {tensor.raw(), tensor.numel(), tensor.dtype(), label};
}

}  // namespace

std::vector<std::string> gather_text(const std::string& mine, Device& device, Group& group, Stream& stream) {
  const std::int64_t ranks = group.size(), length = static_cast<std::int64_t>(mine.size());
  const Tensor own = from_host<std::int64_t>(device, std::span(&length, 1), {1}, MemoryKind::workspace);
  const Tensor all = empty(device, {ranks}, DType::i64, MemoryKind::workspace);
  group.all_gather(region(own, "lengths of texts"), region(all, "lengths of texts"), stream);
  stream.synchronize();
  const std::vector<std::int64_t> lengths = to_host<std::int64_t>(all);
  const std::int64_t longest = std::max<std::int64_t>(1, *std::max_element(lengths.begin(), lengths.end()));

  std::vector<std::uint8_t> padded(mine.begin(), mine.end());
  padded.resize(static_cast<std::size_t>(longest));
  const Tensor text = from_host<std::uint8_t>(device, padded, {longest}, MemoryKind::workspace);
  const Tensor texts = empty(device, {ranks * longest}, DType::u8, MemoryKind::workspace);
  group.all_gather(region(text, "texts"), region(texts, "texts"), stream);
  stream.synchronize();
  const std::vector<std::uint8_t> bytes = to_host<std::uint8_t>(texts);
  std::vector<std::string> result;
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    const auto begin = bytes.begin() + rank * longest;
    result.emplace_back(begin, begin + lengths[static_cast<std::size_t>(rank)]);
  }
  return result;
}

}  // namespace trireme::parallel
