#include "runtime/base/threads.h"

#include "runtime/base/error.h"

namespace trireme {

void fail_to_start(const std::error_code& reason, std::int64_t wanted) {
  const char* noun = wanted == 1 ? "thread:" : "threads:";
  fail("threads", "cannot start", wanted, noun, reason.message() + "; ask for fewer threads or ranks, or raise the",
       "limits on processes (ulimit -u, a container's limit on pids) and on address space (ulimit -v)");
}

}  // namespace trireme
