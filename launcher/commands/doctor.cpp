#include <cstdio>
#include <functional>
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

// What ranks have told each other.
struct Meeting {
  std::vector<RankRow> rows;
  Finding compared;
};

const char* word_for(Finding::State state) {
  switch (state) {
    case Finding::State::good: return "ok";
    case Finding::State::note: return "note";
    case Finding::State::missing: return "missing";
  }
  return "";
}

bool is_healthy(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings)
    if (finding.state == Finding::State::missing) return false;
  return true;
}

void print_table(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    std::printf("%-8s %-10s %s\n", word_for(finding.state), finding.name.c_str(), finding.text.c_str());
    if (!finding.remedy.empty()) std::printf("%-8s %-10s -> %s\n", "", "", finding.remedy.c_str());
  }
}

void print_table(const Meeting& meeting) {
  std::fputs(rank_table(meeting.rows).c_str(), stdout);
  print_table(std::vector<Finding>{meeting.compared});
}

std::string json_of(const std::vector<Finding>& findings) {
  std::string list;
  for (const Finding& finding : findings) {
    JsonLine line;
    line.add("name", finding.name).add("state", word_for(finding.state)).add("text", finding.text);
    line.add("remedy", finding.remedy);
    list += (list.empty() ? "" : ",") + line.text();
  }
  return '[' + list + ']';
}

std::string json_of(const Meeting& meeting) {
  std::string rows;
  for (const RankRow& row : meeting.rows)
    rows += (rows.empty() ? "" : ",") +
            JsonLine().add("rank", row.rank).add("host", row.host).add("devices", row.device).text();
  return JsonLine().add_json("ranks", '[' + rows + ']').add_json("findings", json_of({meeting.compared})).text();
}

// `meeting`: what json_of() made of one, or empty.
void print_json(const std::vector<Finding>& findings, const std::string& meeting, bool healthy) {
  JsonLine line;
  line.add("version", TRIREME_VERSION).add("healthy", healthy).add_json("findings", json_of(findings));
  if (!meeting.empty()) line.add_json("meeting", meeting);
  std::printf("%s\n", line.text().c_str());
}

// What ranks do for the doctor: they meet and tell each other what they have. The first one tells it to `tell`, which
// returns whether all is well.
int meet(const std::function<bool(const Meeting&)>& tell) {
  constexpr double patience = 30.0;  // seconds
  return on_ranks({.ranks = 2, .deadline = patience}, [&](RankView& view) {
    const Backend backend = make_backend("cpu", 1);
    const std::vector<std::string> lines =
        parallel::gather_text(cuda_line(), *backend.device, view.world, backend.device->compute());
    if (view.world.rank() > 0) return 0;
    Meeting meeting{.rows = {}, .compared = compare_ranks(lines)};
    for (std::size_t rank = 0; rank < lines.size(); ++rank)
      meeting.rows.push_back({static_cast<int>(rank), view.places[rank].host, lines[rank]});
    return tell(meeting) ? 0 : 1;
  });
}

// One of the ranks that run() has started.
int run_rank(const Request& request) {
  return meet([&](const Meeting& meeting) {
    if (request.json)
      std::printf("%s\n", json_of(meeting).c_str());
    else if (!request.quiet)
      print_table(meeting);
    return meeting.compared.state != Finding::State::missing;
  });
}

// One of the ranks that a launcher has started.
int run_under_launcher(const Request& request) {
  return meet([&](const Meeting& meeting) {
    const std::vector<Finding> findings = examine_machine(static_cast<int>(meeting.rows.size()));
    const bool healthy = is_healthy(findings) && meeting.compared.state != Finding::State::missing;
    if (request.json) {
      print_json(findings, json_of(meeting), healthy);
    } else {
      print_table(findings);
      print_table(meeting);
    }
    return healthy;
  });
}

int run(const Request& request) {
  if (request.as_rank) return run_rank(request);
  FleetOptions fleet = request.ranks.fleet();
  const Place place = launched_by();
  const bool several = needs_fleet(fleet, place);
  if (place.is_rank()) return run_under_launcher(request);
  const std::vector<Finding> findings = examine_machine();
  bool healthy = is_healthy(findings);
  if (!request.json) print_table(findings);
  std::fflush(stdout);  // before what the ranks say
  std::string meeting;
  int code = 0;
  if (several) {
    std::vector<std::string> words{own_path(), "doctor", "--as-rank"};
    if (request.json) words.push_back("--json");
    fleet.saves = false;
    fleet.output = request.json ? &meeting : nullptr;
    code = run_fleet(fleet, words);
    healthy = healthy && code == 0;
  }
  if (request.json) print_json(findings, meeting.substr(0, meeting.find('\n')), healthy);
  return healthy || code != 0 ? code : 1;
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
