// What goes ahead of data between hosts, so that a mismatched call is an error on both sides.
#pragma once

#include <cstdint>
#include <string>

#include "collectives/group/call.h"

namespace trireme::collectives {

// At the start of a call the hosts' first ranks send it to each other, with their members' payloads; a sender sends it
// before its data.
struct Header {
  std::uint64_t signature = 0;
  std::uint64_t direct = 0;
  char label[64] = {};

  Header() = default;
  Header(const Call& call, bool is_direct) : signature(call.signature()), direct(is_direct ? 1 : 0) {
    call.label.copy(label, sizeof label - 1);
  }
  // The call in words.
  std::string describe() const {
    Call call = Call::unpack(signature);
    call.label = label;
    return call.describe();
  }
};

}  // namespace trireme::collectives
