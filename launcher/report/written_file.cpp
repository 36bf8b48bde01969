#include "launcher/report/written_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace trireme::launcher {
namespace {

constexpr const char* cannot = ": cannot be written:";

}  // namespace

void append(std::string_view where, const std::string& path, const FileHandle& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(where, path + cannot, reason_and_remedy(errno));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void write_file(std::string_view where, const std::string& path, std::string_view text) {
  FileHandle file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0644));
  if (!file) fail(where, path + cannot, reason_and_remedy(errno));
  append(where, path, file, text);
  if (const int error = file.close(); error != 0) fail(where, path + cannot, reason_and_remedy(error));
}

void replace_file(std::string_view where, const std::string& path, std::string_view text) {
  const std::string aside = path + ".new";
  write_file(where, aside, text);
  if (std::rename(aside.c_str(), path.c_str()) == 0) return;
  const int error = errno;
  std::remove(aside.c_str());
  fail(where, path + cannot, reason_and_remedy(error));
}

}  // namespace trireme::launcher
