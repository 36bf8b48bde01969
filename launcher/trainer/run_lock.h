// One run at a time in a folder.
#pragma once

#include <string>

#include "runtime/base/file.h"

namespace trireme::launcher {

// Holds a lock on a run's folder while it lives, in the file ".lock"; the system takes it back when the process ends,
// however it ends.
class RunLock {
 public:
  // Waits two seconds for one that is just leaving; then an Error names the process that holds it. Returns this
  // process' own name, which the file then holds; empty where the file system has no locks.
  std::string take(const std::string& run_dir);
  // The name in a folder's lock; empty where there is none.
  static std::string holder_of(const std::string& run_dir);

 private:
  FileHandle file_;
};

}  // namespace trireme::launcher
