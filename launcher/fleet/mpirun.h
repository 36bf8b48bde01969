// The mpirun command that starts a run's ranks.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "launcher/fleet/place.h"

namespace trireme::launcher {

// The path of a program that PATH leads to; empty if there is none.
std::string find_program(const std::string& name, const Environment& environment = process_environment());

struct HostSlots {
  std::string name;
  int slots = 1;
};
// "a:8,b:8"; a name without a number has one slot. Throws Error for an empty name or a count below one.
std::vector<HostSlots> parse_hosts(const std::string& hosts);

// What decides the flags.
struct Machine {
  int cores = 1;  // that this process may run on
  bool root = false;
  bool reads_processes = true;  // process_vm_readv is allowed: containers may forbid it
  bool has_ssh = true;
  std::int64_t files = 65536;  // that a process may open
  std::string mpirun;          // its path; empty: not installed
};
Machine this_machine(const Environment& environment = process_environment());

struct FleetOptions {
  int ranks = 0;  // 0: the slots of the hosts
  std::string hosts;
  std::string hostfile;
  std::vector<std::string> mpirun_words;  // further words for mpirun, before the program
  int max_restarts = 0;
  int terminal_columns = 0;       // of the terminal that the output goes to; 0: no terminal
  double start_seconds = 60.0;    // in which the first rank must have begun
  bool saves = true;              // a rank that is told to stop saves; otherwise there is nothing to wait for
  std::string* output = nullptr;  // what is to take the ranks' standard output; null: this process's own
};

struct Launch {
  std::vector<std::string> command;                            // mpirun, its flags, the program and its arguments
  std::vector<std::pair<std::string, std::string>> variables;  // to add to the environment
  bool here = true;                                            // all ranks on this machine
  std::string hosts = "this machine";                          // where they are, for messages
  double start_seconds = 60.0;
  bool saves = true;
  std::string* output = nullptr;
  std::string explanation;  // the flags and why, on one line
};

// Throws Error, with the remedy, for what cannot work: no mpirun, no ranks, too many of them, too few slots.
Launch plan_launch(const FleetOptions& options, const std::vector<std::string>& program, const Machine& machine,
                   const Environment& environment = process_environment());

}  // namespace trireme::launcher
