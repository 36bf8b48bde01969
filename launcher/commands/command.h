// The program's commands. Each adds its options to the command line and, when it is the one asked for, what to run.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace trireme::launcher {

// Set by the command that was asked for; returns the program's exit code.
using Run = std::function<int()>;

void add_train(CLI::App& program, Run& run);
void add_generate(CLI::App& program, Run& run);
void add_evaluate(CLI::App& program, Run& run);
void add_plan(CLI::App& program, Run& run);
void add_bench(CLI::App& program, Run& run);
void add_doctor(CLI::App& program, Run& run);
void add_version(CLI::App& program, Run& run);

}  // namespace trireme::launcher
