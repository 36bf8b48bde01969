#include "launcher/fleet/mpirun_voice.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <utility>

namespace trireme::launcher {
namespace {

constexpr std::size_t shortest_rule = 60;  // dashes above and below a banner

bool is_rule(std::string_view line) {
  return line.size() >= shortest_rule && line.find_first_not_of('-') == std::string_view::npos;
}

bool has(std::string_view text, std::string_view words) {
  return text.find(words) != std::string_view::npos;
}

// The word behind `label`, without a full stop at its end.
std::string word_after(std::string_view text, std::string_view label) {
  std::size_t begin = text.find(label);
  if (begin == std::string_view::npos) return {};
  begin = text.find_first_not_of(" \n", begin + label.size());
  if (begin == std::string_view::npos) return {};
  std::string word(text.substr(begin, text.find_first_of(" \n", begin) - begin));
  if (word.ends_with('.')) word.pop_back();
  return word;
}

int number_after(std::string_view text, std::string_view label, int otherwise) {
  const std::string word = word_after(text, label);
  int value = otherwise;
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}

// "[[5280,1],3]" is rank 3.
int rank_of_name(const std::string& name) {
  const std::size_t comma = name.rfind(',');
  int rank = -1;
  if (comma != std::string::npos) std::from_chars(name.data() + comma + 1, name.data() + name.size(), rank);
  return rank;
}

// A banner that ends the run, in our words; empty for one that is not known.
std::string trouble_in(std::string_view banner) {
  if (has(banner, "not enough slots"))
    return "the hosts have fewer slots than there are ranks; raise the number behind a host (a:8) or in the hostfile";
  if (has(banner, "unable to reliably start one or more daemons"))
    return "mpirun could not start its daemon on every host; `ssh HOST true` must work there without a question, and "
           "Open MPI must be installed";
  if (has(banner, "could not access") && has(banner, "Executable:"))
    return "host " + word_after(banner, "Node:") + " has no program " + word_after(banner, "Executable:") +
           "; it must have the same path on every host";
  if (has(banner, "unable to open the hostfile")) return "mpirun cannot read the hostfile";
  return {};
}

// Likewise, of banners about what follows from some other trouble.
std::string hint_in(std::string_view banner) {
  if (has(banner, "failed to TCP connect to a peer"))
    return "Open MPI on host " + word_after(banner, "Local host:") +
           " could not connect to another rank; between the hosts all TCP ports must be open";
  if (has(banner, "peer process has unexpectedly disconnected"))
    return "a rank on host " + word_after(banner, "Peer host:") + " has gone";
  return {};
}

bool is_chatter(std::string_view banner) {
  return has(banner, "terminated normally, but") || has(banner, "An internal error has occurred in ORTE") ||
         has(banner, "does not know how to route a message");
}

}  // namespace

std::optional<std::string> MpirunVoice::hear(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (is_rule(line)) {
    in_banner_ = !in_banner_;
    if (in_banner_) return std::nullopt;
    return read_banner();
  }
  if (in_banner_) {
    banner_.append(line).append("\n");
    return std::nullopt;
  }
  if (line.ends_with(sign_of_life)) {  // mpirun may have been told to put a rank's number in front
    begun_ = true;
    return std::nullopt;
  }
  if (line.ends_with(sign_of_meeting)) {
    met_ = true;
    return std::nullopt;
  }
  if (line.ends_with(sign_of_a_stop)) {
    told_ = true;
    return std::nullopt;
  }
  if (line.starts_with("mpirun: Forwarding signal") || has(line, "total processes failed to start") ||
      has(line, "plm:rsh: Warning: setpgid") || has(line, "ORTE_ERROR_LOG") || has(line, " sent help message ") ||
      has(line, "orte_base_help_aggregate"))
    return std::nullopt;
  if (line.starts_with("Connection to ") && has(line, "closed by remote host")) {  // ssh: its host has gone
    lose_host(word_after(line, "Connection to"));
    return std::nullopt;
  }
  if (line.starts_with("ssh: ") || line.find("Permission denied (") != std::string_view::npos ||
      line.starts_with("Host key verification failed") || line.starts_with("Timeout, server ")) {
    diagnosis_.detail = line;
    return std::nullopt;
  }
  return hear_rank(line);
}

std::optional<std::string> MpirunVoice::hear_rank(std::string_view line) {
  constexpr std::string_view prefix = "rank ";
  if (!line.starts_with(prefix)) return std::string(line);
  int rank = 0;
  const auto [end, error] = std::from_chars(line.data() + prefix.size(), line.data() + line.size(), rank);
  const std::string_view words(end, static_cast<std::size_t>(line.data() + line.size() - end));
  if (error != std::errc{} || !words.starts_with(": ")) return std::string(line);
  diagnosis_.rank_spoke = true;
  if (!said_.emplace(words).second) return std::nullopt;
  return std::string(line);
}

std::optional<std::string> MpirunVoice::read_banner() {
  const std::string banner = std::exchange(banner_, {});
  if (has(banner, "terminated normally, but")) diagnosis_.unnamed = true;
  if (is_chatter(banner)) return std::nullopt;
  if (has(banner, "exited on signal")) {
    if (diagnosis_.signal) return std::nullopt;  // the first one matters
    diagnosis_.rank = number_after(banner, "process rank", -1);
    diagnosis_.host = word_after(banner, "on node");
    diagnosis_.signal = number_after(banner, "exited on signal", 0);
    const std::size_t open = banner.rfind('('), close = banner.rfind(')');
    if (open < close && close != std::string::npos) diagnosis_.signal_name = banner.substr(open + 1, close - open - 1);
    return std::nullopt;
  }
  if (has(banner, "exited with non-zero status")) {
    diagnosis_.rank = rank_of_name(word_after(banner, "Process name:"));
    diagnosis_.exit_code = number_after(banner, "Exit code:", 0);
    return std::nullopt;
  }
  if (has(banner, "MPI_ABORT was invoked")) {
    diagnosis_.rank = number_after(banner, "on rank", -1);
    diagnosis_.exit_code = number_after(banner, "with errorcode", 0);
    return std::nullopt;
  }
  if (has(banner, "lost communication with a remote daemon")) {
    lose_host(word_after(banner.substr(std::min(banner.size(), banner.find("Remote daemon"))), "on node"));
    return std::nullopt;
  }
  if (std::string trouble = trouble_in(banner); !trouble.empty()) {
    if (diagnosis_.trouble.empty()) diagnosis_.trouble = std::move(trouble);
    return std::nullopt;
  }
  if (std::string hint = hint_in(banner); !hint.empty()) {
    if (diagnosis_.hint.empty()) diagnosis_.hint = std::move(hint);
    return std::nullopt;
  }
  return banner.empty() ? banner : "mpirun: " + banner.substr(0, banner.size() - 1);
}

void MpirunVoice::lose_host(const std::string& host) {
  if (!diagnosis_.trouble.empty()) return;
  diagnosis_.trouble = "contact with host " + (host.empty() ? "?" : host) + " was lost";
  diagnosis_.lost_host = true;
}

std::string MpirunVoice::rest() {
  in_banner_ = false;
  return std::exchange(banner_, {});
}

bool was_killed(const Diagnosis& diagnosis, int exit_code) {
  const bool by_signal = exit_code > 128 && exit_code < 128 + NSIG;
  return diagnosis.signal != 0 || (by_signal && diagnosis.unnamed && !diagnosis.rank_spoke && diagnosis.exit_code == 0);
}

std::string describe(const Diagnosis& diagnosis, int exit_code) {
  const std::string rank = "rank " + std::to_string(diagnosis.rank);
  if (diagnosis.signal) {
    std::string text = rank + (diagnosis.host.empty() ? "" : " on host " + diagnosis.host) + " was killed by signal " +
                       std::to_string(diagnosis.signal);
    if (!diagnosis.signal_name.empty()) text += " (" + diagnosis.signal_name + ')';
    return text;
  }
  if (!diagnosis.trouble.empty())
    return diagnosis.trouble + (diagnosis.detail.empty() ? "" : " (" + diagnosis.detail + ')');
  if (diagnosis.rank_spoke) return {};
  if (!diagnosis.hint.empty()) return diagnosis.hint;
  if (diagnosis.exit_code)
    return rank + " left with exit code " + std::to_string(diagnosis.exit_code) + " and said nothing";
  if (!diagnosis.detail.empty()) return diagnosis.detail;
  if (was_killed(diagnosis, exit_code))
    return "a rank was killed by signal " + std::to_string(exit_code - 128) + " (" + strsignal(exit_code - 128) +
           ") as it started";
  if (diagnosis.unnamed)
    return "a rank left with exit code " + std::to_string(exit_code) + " as it started and said nothing";
  return "mpirun failed with exit code " + std::to_string(exit_code) + " and said nothing";
}

}  // namespace trireme::launcher
