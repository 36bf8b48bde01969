#include <cstdio>
#include <memory>

#include "launcher/commands/command.h"
#include "launcher/commands/cuda_findings.h"
#include "launcher/commands/findings.h"
#include "launcher/commands/rank_options.h"
#include "launcher/fleet/fleet.h"
#include "launcher/fleet/rank_table.h"
#include "launcher/report/json_line.h"
#include "launcher/trainer/ranks.h"
#include "parallel/together/gather_text.h"
#include "runtime/kernels/backend.h"

namespace trireme::launcher {
namespace {

struct Request {
  RankChoice ranks;
  bool json = false;
  bool as_rank = false;
  bool quiet = false;  // with as_rank
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

// What the ranks do that the doctor starts: they meet and tell each other what they have. The first one says it.
int meet(bool shows) {
  constexpr double patience = 30.0;  // seconds
  return on_ranks({.ranks = 2, .deadline = patience}, [shows](RankView& view) {
    const Backend backend = make_backend("cpu", 1);
    const std::vector<std::string> lines =
        parallel::gather_text(cuda_line(), *backend.device, view.world, backend.device->compute());
    if (!shows || view.world.rank() > 0) return 0;
    std::vector<RankRow> rows;
    for (std::size_t rank = 0; rank < lines.size(); ++rank)
      rows.push_back({static_cast<int>(rank), view.places[rank].host, lines[rank]});
    std::fputs(rank_table(rows).c_str(), stdout);
    const Finding compared = compare_ranks(lines);
    print_table({compared});
    return compared.state == Finding::State::missing ? 1 : 0;
  });
}

int run(const Request& request) {
  const FleetOptions fleet = request.ranks.fleet();
  if (request.as_rank) return meet(!request.quiet);
  const std::vector<Finding> findings = examine_machine();
  bool healthy = true;
  for (const Finding& finding : findings) healthy = healthy && finding.state != Finding::State::missing;
  if (request.json)
    print_json(findings, healthy);
  else
    print_table(findings);
  if (!needs_fleet(fleet, launched_by())) return healthy ? 0 : 1;
  const int code = run_fleet(fleet, {own_path(), "doctor", "--as-rank"});
  return healthy ? code : 1;
}

}  // namespace

void add_doctor(Command program) {
  auto request = std::make_shared<Request>();
  Command command = program.add_command("doctor", "Say what this machine has, and what is missing");
  command.add_flag("--json", request->json, "Print one JSON object");
  request->ranks.add_to(command, RankChoice::Restarts::absent);
  command.add_flag("--as-rank", request->as_rank).hidden();
  command.add_flag("--quiet", request->quiet).hidden();
  command.runs([request] { return run(*request); });
}

}  // namespace trireme::launcher
