// What mpirun and the ranks say on stderr, made one voice: mpirun's framed banners become a diagnosis, and a line that
// several ranks say is said once.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace trireme::launcher {

// Why a run failed, as far as mpirun has told.
struct Diagnosis {
  int rank = -1;     // the first that failed; -1: unknown
  std::string host;  // its host, where mpirun names it
  int signal = 0;    // that killed it
  std::string signal_name;
  int exit_code = 0;        // with which it left
  bool unnamed = false;     // mpirun says that a rank has failed; it does not name one that fails as it starts
  std::string trouble;      // of mpirun itself: no contact with a host, no program there, ...
  bool lost_host = false;   // the trouble is that a host which took part has gone
  std::string detail;       // ssh's own words
  std::string hint;         // what a surviving rank's library saw: a consequence, told if nothing else is known
  bool rank_spoke = false;  // a rank has said why: nothing needs to be added
};

// What a rank writes to stderr as it begins, for the program that has started it.
inline constexpr std::string_view sign_of_life = "trireme: a rank has begun";

// Likewise, the first of those that train, when all of them have found each other.
inline constexpr std::string_view sign_of_meeting = "trireme: the ranks have met";

// Likewise, as it is told to stop by another signal than what that program sends.
inline constexpr std::string_view sign_of_a_stop = "trireme: a rank was told to stop";

class MpirunVoice {
 public:
  // A whole line without its newline; returns what is to be shown of it.
  std::optional<std::string> hear(std::string_view line);
  // Lines of a banner that was not finished.
  std::string rest();
  const Diagnosis& diagnosis() const noexcept { return diagnosis_; }
  bool rank_has_begun() const noexcept { return begun_; }
  bool ranks_have_met() const noexcept { return met_; }
  bool rank_was_told() const noexcept { return told_; }

 private:
  std::optional<std::string> hear_rank(std::string_view line);
  std::optional<std::string> read_banner();
  void lose_host(const std::string& host);

  bool begun_ = false;
  bool met_ = false;
  bool told_ = false;
  bool in_banner_ = false;
  std::string banner_;  // its lines, each with a newline
  std::set<std::string> said_;
  Diagnosis diagnosis_;
};

// Whether a rank was killed by a signal. `exit_code` is mpirun's: 128 + the signal then.
bool was_killed(const Diagnosis& diagnosis, int exit_code);

// "rank 1 on host vm was killed by signal 9 (Killed)", or "" if the ranks have said everything. `exit_code` is
// mpirun's.
std::string describe(const Diagnosis& diagnosis, int exit_code);

}  // namespace trireme::launcher
