#include "collectives/group/checks.h"

#include <string>

namespace trireme::collectives {

void check_reduced(std::string_view operation, const Region& region) {
  if (region.dtype == DType::u16) fail(operation, "expected numbers to reduce, found", region.dtype);
}

void check_parts(const Group& group, std::string_view operation, const Region& part, const Region& whole) {
  const int ranks = group.size();
  if (part.dtype != whole.dtype || whole.count != part.count * ranks)
    fail(operation, "expected", part.count * ranks, part.dtype, "for", ranks, "ranks with", part.count, "each, found",
         whole.count, whole.dtype);
}

void check_exchange(const Group& group, const Region& in, const Region& out) {
  if (in.dtype != out.dtype || in.count != out.count || in.count % group.size() != 0)
    fail("all_to_all", "expected equal counts that", group.size(), "ranks can share, found", in.count, in.dtype, "and",
         out.count, out.dtype);
}

void check_root(const Group& group, int root) {
  if (root < 0 || root >= group.size()) fail("broadcast", "expected a root among", group.size(), "ranks, found", root);
}

void check_peer(const Group& group, std::string_view operation, int peer) {
  if (peer < 0 || peer >= group.size() || peer == group.rank())
    fail(operation, "expected another rank of group '" + std::string(group.name()) + "' with", group.size(),
         "ranks, found", peer, "on rank", group.rank());
}

}  // namespace trireme::collectives
