#include "tests/layering/rules.h"

#include <algorithm>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace trireme::layering {
namespace {

std::string at(const SourceFile& file, int line) {
  return file.path + ":" + std::to_string(line) + ": ";
}

std::string first_of(std::string_view path) {
  return std::string(path.substr(0, path.find('/')));
}

bool in(std::string_view path, std::initializer_list<std::string_view> folders) {
  return std::any_of(folders.begin(), folders.end(), [&](std::string_view folder) { return first_of(path) == folder; });
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Complains about every line of the files' code that matches.
void find_lines(const SourceFile& file, const std::regex& form, const std::string& why, Complaints& found) {
  int number = 0;
  for (const std::string& line : lines_of(code_of(file.text, Literals::blank))) {
    ++number;
    std::smatch match;
    if (std::regex_search(line, match, form)) found.push_back(at(file, number) + "'" + match[1].str() + "' " + why);
  }
}

// "native.h" for the file of that name beside this one or below this part: chosen by the build.
bool exists_in_part(const std::vector<SourceFile>& files, const std::string& part, const std::string& name) {
  return std::any_of(files.begin(), files.end(), [&](const SourceFile& file) {
    return file.path.starts_with(part + "/") && file.path.ends_with("/" + name);
  });
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// Leaves what can make a variable constant: no template arguments, attributes or alignment.
std::string simplified(std::string head) {
  static const std::regex noise(
      R"(\[\[[^\]]*\]\]|alignas\s*\([^()]*\)|decltype\s*\([^()]*\)|__attribute__\s*\(\(.*?\)\))");
  static const std::regex arguments(R"(<[^<>]*>)");
  head = std::regex_replace(head, noise, " ");
  for (std::string before; before != head;) {
    before = head;
    head = std::regex_replace(head, arguments, " ");
  }
  return trimmed(head);
}

bool is_constant(const std::string& head) {
  static const std::regex fixed(R"(\b(constexpr|consteval)\b)");
  static const std::regex pointer(R"(\*)");
  static const std::regex constant_pointer(R"(\*\s*const\b)");
  static const std::regex constant(R"(\bconst\b)");
  if (std::regex_search(head, fixed)) return true;
  return std::regex_search(head, std::regex_search(head, pointer) ? constant_pointer : constant);
}

bool is_mutable_state(const Head& head) {
  static const std::regex declares_no_variable(
      R"(^(using|typedef|namespace|inline\s+namespace|class|struct|enum|union|template|extern|friend|static_assert)"
      R"(|concept|asm|return)\b)");
  static const std::regex starts_a_name(R"(^[A-Za-z_:])");
  static const std::regex lasting(R"(\b(static|thread_local)\b)");
  const std::string text = simplified(head.text);
  if (is_constant(text)) return false;
  const bool function = text.find('(') != std::string::npos;
  if (std::regex_search(text, lasting)) return !function || head.scope == Scope::body;
  return head.scope == Scope::space && !function && std::regex_search(text, starts_a_name) &&
         !std::regex_search(text, declares_no_variable);
}

}  // namespace

Rooms::Rooms(std::istream& text) {
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string part;
    if (!(words >> part)) continue;
    if (uses_.count(part) != 0) throw std::runtime_error("the rooms file lists " + part + " twice");
    std::set<std::string> uses;
    for (std::string used; words >> used;) {
      const std::size_t before = uses.size();
      for (const std::string& above : parts_) {
        if (above == used || above.starts_with(used + "/")) uses.insert(above);
      }
      if (uses.size() == before) {
        throw std::runtime_error("the rooms file lets " + part + " use " + used + ", which is not listed above it");
      }
    }
    parts_.push_back(part);
    uses_[part] = std::move(uses);
  }
}

std::string Rooms::part_of(std::string_view path) const {
  for (const std::string& part : parts_) {
    if (path.starts_with(part + "/")) return part;
  }
  return {};
}

bool Rooms::may_use(const std::string& part, const std::string& other) const {
  return part == other || uses_.at(part).count(other) != 0;
}

std::vector<std::string> Rooms::folders() const {
  std::set<std::string> tops;
  for (const std::string& part : parts_) tops.insert(first_of(part));
  return {tops.begin(), tops.end()};
}

namespace {

// CUDA's headers: what includes them is part of the module that is loaded on demand.
bool is_cuda_header(const std::string& path) {
  static const std::regex form(R"((cuda|cublas|cudnn|nccl|nvml|nvtx|cupti|cooperative_groups|cub/).*)");
  return std::regex_match(path, form);
}

bool may_use_cuda(const std::string& path) {
  static const std::regex folder(R"(/(cuda|cuda_\w+|nccl)/)");
  return std::regex_search(path, folder);
}

}  // namespace

Complaints check_includes(const Rooms& rooms, const std::vector<SourceFile>& files) {
  Complaints found;
  const std::vector<std::string> tops = rooms.folders();
  for (const SourceFile& file : files) {
    const std::string part = rooms.part_of(file.path);
    if (part.empty()) {
      found.push_back(file.path + ": lies in no part of the rooms file");
      continue;
    }
    for (const Include& include : includes_of(file.text)) {
      const std::string other = rooms.part_of(include.path);
      const bool talks_to_mpi = file.path.starts_with("collectives/mpi/") || in(file.path, {"tests"}) ||
                                (in(file.path, {"collectives"}) && file.path.ends_with(".cpp"));
      if (include.path == "mpi.h" && !talks_to_mpi) {
        found.push_back(at(file, include.line) + "mpi.h belongs in collectives/mpi and sources of collectives");
      }
      if (!include.quoted && is_cuda_header(include.path) && !may_use_cuda(file.path)) {
        found.push_back(at(file, include.line) + include.path + " belongs in folders cuda and nccl");
      }
      if (include.path.ends_with(".pb.h") && !in(file.path, {"launcher", "tests"})) {
        found.push_back(at(file, include.line) + "generated messages belong in launcher");
      }
      if (!other.empty() && !rooms.may_use(part, other)) {
        found.push_back(at(file, include.line) + part + " may not include " + other + " (" + include.path + ")");
      }
      const bool ours = std::count(tops.begin(), tops.end(), first_of(include.path)) != 0;
      if (other.empty() && ours && include.path.find('/') != std::string::npos) {
        found.push_back(at(file, include.line) + include.path + " lies in no part of the rooms file");
      }
      if (include.quoted && !ours && !exists_in_part(files, part, include.path)) {
        found.push_back(at(file, include.line) + "\"" + include.path + "\" is not written from the project's root");
      }
    }
  }
  return found;
}

Complaints check_calls(const std::vector<SourceFile>& files) {
  const std::string speech_names =
      "getenv|secure_getenv|setenv|putenv|unsetenv|printf|fprintf|vprintf|puts|fputs|putchar|perror|sigaction|signal";
  const std::string end_names = "exit|_exit|_Exit|quick_exit|atexit";
  const auto form = [](const std::string& names, const std::string& standard) {
    return std::regex("(?:^|[^\\w.>])((?:" + names + ")\\s*\\(|std::(?:" + standard + ")\\b)");
  };
  const std::regex speech = form(speech_names, "print|println|cout|cerr|clog");
  const std::regex call = form(speech_names + "|" + end_names, "print|println|cout|cerr|clog|abort|terminate");
  Complaints found;
  for (const SourceFile& file : files) {
    // MPI_Abort ends every process of a run that cannot go on: where MPI is, so may its end be.
    const bool ends_ranks = file.path.starts_with("collectives/mpi/");
    if (in(file.path, {"launcher", "examples", "tests"})) continue;
    find_lines(file, ends_ranks ? speech : call, "belongs in launcher", found);
  }
  return found;
}

Complaints check_state(const std::vector<SourceFile>& files) {
  Complaints found;
  for (const SourceFile& file : files) {
    if (in(file.path, {"launcher", "examples", "tests"})) continue;
    for (const Head& head : heads_of(file.text)) {
      if (is_mutable_state(head)) {
        found.push_back(at(file, head.line) + "'" + trimmed(head.text) + "' is mutable state that no object owns");
      }
    }
  }
  return found;
}

Complaints check_preprocessor(const std::vector<SourceFile>& files) {
  static const std::regex conditional(R"(^\s*(#\s*(?:if|ifdef|ifndef)\b.*))");
  static const std::regex function_macro(R"(^\s*(#\s*define\s+\w+\(.*))");
  // The word by which a function is built for host and GPU depends on the compiler that reads it, not on the build.
  constexpr std::string_view word_of_two_compilers = "runtime/base/host_device.h";
  Complaints found;
  for (const SourceFile& file : files) {
    if (in(file.path, {"tests"}) || file.path.ends_with("_version.h") || file.path == word_of_two_compilers) continue;
    find_lines(file, conditional, "chooses code; choose a file in CMake", found);
    find_lines(file, function_macro, "is a macro; write a function", found);
  }
  return found;
}

namespace {

constexpr int most_columns = 120, most_file_lines = 400, most_function_lines = 60;

int columns_of(const std::string& line) {
  return static_cast<int>(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// The line at which what begins at `line` ends, both counted from 1: its closing brace stands below its first word.
// The line itself where it has no body of several lines.
int end_of(const std::vector<std::string>& lines, int line) {
  const auto at = static_cast<std::size_t>(line - 1);
  std::size_t open = at;
  while (open < lines.size() && !lines[open].ends_with('{') && !lines[open].ends_with('}')) ++open;
  if (open == lines.size() || lines[open].ends_with('}')) return line;
  const std::string close = std::string(lines[at].find_first_not_of(' '), ' ') + '}';
  for (std::size_t end = open + 1; end < lines.size(); ++end)
    if (lines[end] == close) return static_cast<int>(end) + 1;
  return line;
}

}  // namespace

Complaints check_sizes(const std::vector<SourceFile>& files) {
  Complaints found;
  for (const SourceFile& file : files) {
    const std::vector<std::string> lines = lines_of(file.text), code = lines_of(code_of(file.text, Literals::blank));
    for (std::size_t i = 0; i < lines.size(); ++i)
      if (const int columns = columns_of(lines[i]); columns > most_columns)
        found.push_back(at(file, static_cast<int>(i) + 1) + std::to_string(columns) + " columns");
    if (static_cast<int>(lines.size()) > most_file_lines)
      found.push_back(file.path + ": " + std::to_string(lines.size()) + " lines; what is the second thing in it?");
    for (const Head& head : heads_of(file.text)) {
      if (head.end != '{' || head.scope == Scope::body || head.text.find('(') == std::string::npos) continue;
      if (const int length = end_of(code, head.line) - head.line + 1; length > most_function_lines)
        found.push_back(at(file, head.line) + "a function of " + std::to_string(length) + " lines");
    }
  }
  return found;
}

}  // namespace trireme::layering
