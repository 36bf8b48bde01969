// A process that may not start many threads, as in a container with a limit on pids.
#pragma once

#include <grp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "runtime/base/error.h"

namespace trireme::test {

// For EXPECT_EXIT: `call`, which wants 64 threads, in a process whose user may have twenty. Exits with 0 if it throws
// an Error that says so.
template <class Call>
[[noreturn]] void exit_told_of_few_threads(Call&& call) {
  // Root has no such limit. A user of nothing else has it to itself.
  constexpr uid_t nobody = 64123;
  if (::geteuid() == 0 && ::setuid(nobody) != 0) ::_exit(2);
  const rlimit limit{20, 20};
  if (::setrlimit(RLIMIT_NPROC, &limit) != 0) ::_exit(3);
  try {
    call();
  } catch (const Error& error) {
    const std::string words = error.what();
    ::_exit(words.starts_with("[threads] cannot start 64 threads: ") ? 0 : 4);
  } catch (...) {
    ::_exit(5);
  }
  ::_exit(6);
}

}  // namespace trireme::test
