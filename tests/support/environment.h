// An environment of a test's own.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "collectives/rendezvous/place.h"

namespace trireme::test {

using Table = std::map<std::string, std::string>;

inline Environment environment(Table table) {
  return [table = std::move(table)](const char* name) -> const char* {
    const auto found = table.find(name);
    return found == table.end() ? nullptr : found->second.c_str();
  };
}

}  // namespace trireme::test
