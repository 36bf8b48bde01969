#include "launcher/commands/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "launcher/config/suggest.h"

namespace trireme::launcher {
namespace {

constexpr const char* not_empty = "NOT_EMPTY";

Option with_text(CLI::Option& option) {
  option.check(CLI::Validator(
      [](std::string& text) { return text.empty() ? std::string("expected a value, found \"\"") : std::string(); }, "",
      not_empty));
  return Option(option);
}

// CLI11 takes 010 for eight.
Option with_number(CLI::Option& option) {
  option.check(CLI::Validator(
      [](std::string& text) {
        const std::size_t first = text.find_first_not_of("+-");
        const bool octal = first != std::string::npos && first + 1 < text.size() && text[first] == '0' &&
                           text.find_first_not_of("0123456789", first) == std::string::npos;
        return octal ? "expected a number without leading zeros, found " + text : std::string();
      },
      ""));
  return Option(option);
}

// CLI11 takes -1 for the largest number there is, and so it does numbers beyond it.
std::string is_no_count(std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return {};
  return "expected a whole number from 0 to 18446744073709551615, found " + text;
}

// "There is no command trian; did you mean train? ", or nothing where `word` is a command.
std::string mistyped(const CLI::App& program, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands({})) names.push_back(command->get_name());
  if (word.starts_with('-') || std::find(names.begin(), names.end(), word) != names.end()) return {};
  const std::string near = nearest_name(word, names);
  return "there is no command " + word + (near.empty() ? "" : "; did you mean " + near + "?") + " ";
}

}  // namespace

Option& Option::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}

Option& Option::required() {
  option_->required();
  return *this;
}

Option& Option::shows_default() {
  option_->capture_default_str();
  return *this;
}

Option& Option::once_per_value() {
  option_->allow_extra_args(false);
  return *this;
}

Option& Option::hidden() {
  option_->group("");
  return *this;
}

Option& Option::may_be_empty() {
  option_->get_validator(not_empty)->active(false);
  return *this;
}

Command Command::add_command(const std::string& name, const std::string& help) {
  return {*app_->add_subcommand(name, help), *asked_};
}

void Command::requires_command() {
  app_->require_subcommand(1);
}

void Command::runs(Run run) {
  app_->callback([asked = asked_, run = std::move(run)] { asked->chosen = run; });
}

Option Command::add_option(const std::string& names, std::string& value, const std::string& help) {
  return with_text(*app_->add_option(names, value, help));
}

Option Command::add_option(const std::string& names, int& value, const std::string& help) {
  return with_number(*app_->add_option(names, value, help));
}

Option Command::add_option(const std::string& names, std::int64_t& value, const std::string& help) {
  return with_number(*app_->add_option(names, value, help));
}

Option Command::add_option(const std::string& names, std::uint64_t& value, const std::string& help) {
  CLI::Option& option = *app_->add_option(names, value, help);
  option.check(CLI::Validator(is_no_count, ""));
  return with_number(option);
}

Option Command::add_option(const std::string& names, double& value, const std::string& help) {
  return Option(*app_->add_option(names, value, help));
}

Option Command::add_option(const std::string& names, std::vector<std::string>& values, const std::string& help) {
  return Option(*app_->add_option(names, values, help));
}

Option Command::add_option(const std::string& names, std::vector<std::int64_t>& values, const std::string& help) {
  return with_number(*app_->add_option(names, values, help));
}

Option Command::add_option(const std::string& names, std::function<void(int)> take, const std::string& help) {
  return with_number(*app_->add_option_function<int>(names, std::move(take), help));
}

Option Command::add_flag(const std::string& names, bool& value, const std::string& help) {
  return Option(*app_->add_flag(names, value, help));
}

Option Command::add_flag(const std::string& names, std::string& value, const std::string& help) {
  asked_->valueless.push_back(names + '=');
  return with_text(*app_->add_flag(names, value, help));
}

CommandLine::CommandLine(const std::string& program, const std::string& what_it_does, const std::string& version)
    : app_(std::make_unique<CLI::App>(what_it_does, program)) {
  app_->set_version_flag("--version", program + " " + version);
}

CommandLine::~CommandLine() = default;

std::string CommandLine::help() const {
  return app_->help();
}

std::optional<int> CommandLine::parse(int argc, char** argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i)
    for (const std::string& word : asked_.valueless)
      if (word == argv[i]) throw UsageError(word + ": expected a value, found none; see trireme --help");
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& wish) {  // --help, --version
    return app_->exit(wish);
  } catch (const CLI::ParseError& error) {
    throw UsageError(mistyped(*app_, argv[1]) + error.what() + "; see trireme --help, or --help behind a command");
  }
  return std::nullopt;
}

}  // namespace trireme::launcher
