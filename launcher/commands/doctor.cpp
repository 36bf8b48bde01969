#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "launcher/commands/command.h"
#include "launcher/commands/findings.h"
#include "launcher/report/json_line.h"
#include "launcher/trainer/ranks.h"
#include "runtime/kernels/backend.h"

namespace trireme::launcher {
namespace {

struct Request {
  bool json = false;
  bool as_rank = false;
};

const char* word_for(Finding::State state) {
  switch (state) {
    case Finding::State::good: return "ok";
    case Finding::State::note: return "note";
    case Finding::State::missing: return "missing";
  }
  return "";
}

void print_table(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    std::printf("%-8s %-10s %s\n", word_for(finding.state), finding.name.c_str(), finding.text.c_str());
    if (!finding.remedy.empty()) std::printf("%-8s %-10s -> %s\n", "", "", finding.remedy.c_str());
  }
}

void print_json(const std::vector<Finding>& findings, bool healthy) {
  std::string list;
  for (const Finding& finding : findings) {
    JsonLine line;
    line.add("name", finding.name).add("state", word_for(finding.state)).add("text", finding.text);
    line.add("remedy", finding.remedy);
    list += (list.empty() ? "" : ",") + line.text();
  }
  std::printf("%s\n", JsonLine()
                          .add("version", TRIREME_VERSION)
                          .add("healthy", healthy)
                          .add_json("findings", '[' + list + ']')
                          .text()
                          .c_str());
}

// What the ranks do that the doctor starts: they meet.
int meet() {
  constexpr double patience = 10.0;  // seconds
  return on_ranks({.ranks = 2, .deadline = patience}, [](RankView& view) {
    const Backend backend = make_backend("cpu", 1);
    view.world.barrier(backend.device->compute());
    backend.device->compute().synchronize();
    return 0;
  });
}

int run(const Request& request) {
  if (request.as_rank) return meet();
  const std::vector<Finding> findings = examine_machine();
  bool healthy = true;
  for (const Finding& finding : findings) healthy = healthy && finding.state != Finding::State::missing;
  if (request.json)
    print_json(findings, healthy);
  else
    print_table(findings);
  return healthy ? 0 : 1;
}

}  // namespace

void add_doctor(CLI::App& program, Run& chosen) {
  auto request = std::make_shared<Request>();
  CLI::App& command = *program.add_subcommand("doctor", "Say what this machine has, and what is missing");
  command.add_flag("--json", request->json, "Print one JSON object");
  command.add_flag("--as-rank", request->as_rank)->group("");
  command.callback([request, &chosen] { chosen = [request] { return run(*request); }; });
}

}  // namespace trireme::launcher
