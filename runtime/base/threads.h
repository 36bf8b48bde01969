// Threads of this process, and what to say where the system makes no more of them.
#pragma once

#include <cstdint>
#include <system_error>
#include <thread>
#include <utility>

namespace trireme {

// Throws the Error of start_thread().
[[noreturn]] void fail_to_start(const std::error_code& reason, std::int64_t wanted);

// A std::thread, one of `wanted`. Throws Error, which names the limits that may be in the way, where the system makes
// no more of them; a std::system_error of the library would not say what it is about.
template <class Work>
std::thread start_thread(Work&& work, std::int64_t wanted = 1) {
  try {
    return std::thread(std::forward<Work>(work));
  } catch (const std::system_error& error) {
    fail_to_start(error.code(), wanted);
  }
}

}  // namespace trireme
