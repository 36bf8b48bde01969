// A source file as the checks of the house see it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::layering {

struct SourceFile {
  std::string path;  // from the project's root, with '/'
  std::string text;
};

// Every .h, .cpp, .cu and .cuh below the given folders of `root`, in the order of their paths.
std::vector<SourceFile> read_tree(const std::filesystem::path& root, const std::vector<std::string>& folders);

enum class Literals { keep, blank };
// The text with every comment (and, if wanted, what stands in string and character literals) turned into spaces: places
// and lines stay.
std::string code_of(std::string_view text, Literals literals);

// An #include line.
struct Include {
  std::string path;
  bool quoted = true;  // "path", not <path>
  int line = 0;
};
std::vector<Include> includes_of(std::string_view text);

enum class Scope { space, type, body };

// The head of a declaration or statement: its text up to the first ';', '{' or '=' outside parentheses, without
// preprocessor lines; what an '=' assigns is left out.
struct Head {
  std::string text;
  char end = ';';  // which of the three it was
  int line = 0;    // where it starts
  Scope scope = Scope::space;
};
std::vector<Head> heads_of(std::string_view text);

}  // namespace trireme::layering
