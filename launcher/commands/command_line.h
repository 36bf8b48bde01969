// What this program needs of CLI11, in one file: CLI11 is all headers and takes long to compile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/error.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace trireme::launcher {

// What a command does; returns the program's exit code.
using Run = std::function<int()>;

class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}
  Option& type_name(const std::string& name);  // how the help calls its value
  Option& required();
  Option& shows_default();
  Option& once_per_value();  // a list that grows with each use of the option, not with each word behind it
  Option& hidden();
  Option& may_be_empty();

 private:
  CLI::Option* option_;
};

// What a command line comes to.
struct Asked {
  Run chosen;
  std::vector<std::string> valueless;  // words like "--resume=", with nothing behind
};

// A command and its options, written to the variables that are named when they are given.
class Command {
 public:
  Command(CLI::App& app, Asked& request) : app_(&app), asked_(&request) {}
  Command add_command(const std::string& name, const std::string& help);
  // One of its commands must be given.
  void requires_command();
  // What to do when this command is the one that is asked for.
  void runs(Run run);

  // `names` as in "-n,--ranks", or a bare word for what stands at its place. An empty text, as of a variable that a
  // shell does not know, is refused unless it may be empty.
  Option add_option(const std::string& names, std::string& value, const std::string& help = "");
  Option add_option(const std::string& names, int& value, const std::string& help = "");
  Option add_option(const std::string& names, std::int64_t& value, const std::string& help = "");
  Option add_option(const std::string& names, std::uint64_t& value, const std::string& help = "");
  Option add_option(const std::string& names, double& value, const std::string& help = "");
  Option add_option(const std::string& names, std::vector<std::string>& values, const std::string& help = "");
  Option add_option(const std::string& names, std::vector<std::int64_t>& values, const std::string& help = "");
  Option add_option(const std::string& names, std::function<void(int)> take, const std::string& help = "");
  Option add_flag(const std::string& names, bool& value, const std::string& help = "");
  // "true" where the flag has no value.
  Option add_flag(const std::string& names, std::string& value, const std::string& help = "");

 private:
  CLI::App* app_;
  Asked* asked_;
};

class UsageError : public Error {
 public:
  using Error::Error;
};

class CommandLine {
 public:
  CommandLine(const std::string& program, const std::string& what_it_does, const std::string& version);
  ~CommandLine();

  Command program() { return {*app_, asked_}; }
  std::string help() const;
  // Nothing, or the exit code where only help or the version was asked for, which is printed. Throws UsageError.
  std::optional<int> parse(int argc, char** argv);
  const Run& chosen() const noexcept { return asked_.chosen; }

 private:
  std::unique_ptr<CLI::App> app_;
  Asked asked_;
};

}  // namespace trireme::launcher
