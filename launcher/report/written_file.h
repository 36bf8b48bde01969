// Small files that a run leaves behind. Every failure is an Error that names the file and says what to do; a FIFO that
// nobody reads is a failure too.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/file.h"

namespace trireme::launcher {

// Appends to what is open as `path`.
void append(std::string_view where, const std::string& path, const FileHandle& file, std::string_view text);
// The file, made or emptied, has this text.
void write_file(std::string_view where, const std::string& path, std::string_view text);
// The same, and readers see the old text or the new one.
void replace_file(std::string_view where, const std::string& path, std::string_view text);

}  // namespace trireme::launcher
