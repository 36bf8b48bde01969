// How an error is told, and what it makes the program's exit code.
#pragma once

#include <exception>
#include <string>

namespace trireme::launcher {

// What the error says; for want of memory, what to do about it.
std::string words_of(const std::exception& error);

// timed_out after a TimedOut, otherwise 1.
int code_of(const std::exception& error);

// On stderr, at once, every line behind "rank 3: ": what started the ranks tells their words from its own by that, and
// shows equal ones once. Standard output comes first.
void show_as_rank(int rank, const std::string& message);

}  // namespace trireme::launcher
