// The program's commands. Each adds itself with its options to the command line.
#pragma once

#include "launcher/commands/command_line.h"

namespace trireme::launcher {

void add_train(Command program);
void add_generate(Command program);
void add_evaluate(Command program);
void add_export(Command program);
void add_models(Command program);
void add_plan(Command program);
void add_bench(Command program);
void add_doctor(Command program);
void add_version(Command program);

}  // namespace trireme::launcher
