#include "launcher/trainer/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/base/host.h"

namespace trireme::launcher {

namespace {

std::string path_in(const std::string& run_dir) {
  return run_dir + "/.lock";
}

std::string name_in(const FileHandle& file) {
  std::array<char, 300> name{};
  return pread(file.get(), name.data(), name.size() - 1, 0) > 0 ? std::string(name.data()) : std::string();
}

}  // namespace

std::string RunLock::holder_of(const std::string& run_dir) {
  const FileHandle file(open(path_in(run_dir).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return file ? name_in(file) : std::string();
}

std::string RunLock::take(const std::string& run_dir) {
  using namespace std::chrono_literals;
  const std::string path = path_in(run_dir);
  FileHandle file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
  if (!file)
    fail("run_dir", path + ": cannot be written:", system_message(errno) + "; choose another with --set run_dir=");
  int error = EWOULDBLOCK;
  for (int tries = 0; tries < 20 && error == EWOULDBLOCK; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(100ms);
    error = flock(file.get(), LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
  }
  if (error == EWOULDBLOCK) {
    const std::string holder = name_in(file);
    fail("run_dir", run_dir, "is in use by", (holder.empty() ? "another process" : holder) + ";",
         "wait for its end, or choose another with --set run_dir=");
  }
  if (error != 0) return {};  // a file system without locks
  const std::string me = "process " + std::to_string(getpid()) + " on host " + host_name();
  if (ftruncate(file.get(), 0) == 0) (void)!pwrite(file.get(), me.data(), me.size(), 0);
  file_ = std::move(file);
  return me;
}

}  // namespace trireme::launcher
