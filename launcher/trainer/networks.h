// The networks there are that give scores, by the names of job files and of the program's list.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "launcher/config/config.h"
#include "models/network.h"

namespace trireme::launcher {

// The job's model: all but a language model.
std::unique_ptr<models::Network> make_network(const job::Job& job);

// A set of sizes that has a name.
struct NamedNetwork {
  std::string name, what;
  std::unique_ptr<models::Network> (*make)();
};
const std::vector<NamedNetwork>& named_networks();
std::unique_ptr<models::Network> make_named_network(const std::string& name);

}  // namespace trireme::launcher
