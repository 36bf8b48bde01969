// What is made of mpirun's own words. The banners are Open MPI 4.1's, as it printed them.
#include "launcher/fleet/mpirun_voice.h"

#include <gtest/gtest.h>

#include <sstream>

namespace trireme::launcher {
namespace {

const std::string rule(74, '-');

// What is shown of a stderr, line by line.
std::string heard(MpirunVoice& voice, const std::string& text) {
  std::istringstream lines(text);
  std::string shown;
  for (std::string line; std::getline(lines, line);)
    if (const auto kept = voice.hear(line)) shown += *kept + '\n';
  return shown;
}

const std::string preamble = rule + "\nPrimary job  terminated normally, but 1 process returned\n" +
                             "a non-zero exit code. Per user-direction, the job has been aborted.\n" + rule + '\n';

TEST(MpirunVoice, NamesTheRankThatWasKilled) {
  MpirunVoice voice;
  EXPECT_EQ(
      heard(voice, preamble + rule +
                       "\nmpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed).\n" +
                       rule),
      "");
  EXPECT_EQ(describe(voice.diagnosis(), 137), "rank 1 on host vm was killed by signal 9 (Killed)");
}

TEST(MpirunVoice, KeepsTheSignsOfRanksToItself) {
  MpirunVoice voice;
  EXPECT_FALSE(voice.rank_has_begun() || voice.rank_was_told());
  EXPECT_EQ(voice.hear(sign_of_life), std::nullopt);
  EXPECT_EQ(voice.hear("[1,0]<stderr>:trireme: a rank was told to stop"), std::nullopt);
  EXPECT_TRUE(voice.rank_has_begun() && voice.rank_was_told());
}

TEST(MpirunVoice, NamesTheRankThatLeftWithoutAWord) {
  MpirunVoice voice;
  const std::string banner = preamble + rule +
                             "\nmpirun detected that one or more processes exited with non-zero status, thus causing\n"
                             "the job to be terminated. The first process to do so was:\n\n"
                             "  Process name: [[5280,1],13]\n  Exit code:    3\n" +
                             rule;
  EXPECT_EQ(heard(voice, banner), "");
  EXPECT_EQ(describe(voice.diagnosis(), 3), "rank 13 left with exit code 3 and said nothing");
}

TEST(MpirunVoice, AddsNothingToARanksOwnWords) {
  MpirunVoice voice;
  const std::string banner = rule +
                             "\nmpirun detected that one or more processes exited with non-zero status\n"
                             "  Process name: [[5280,1],0]\n  Exit code:    1\n" +
                             rule;
  EXPECT_EQ(heard(voice, "rank 0: [data] nothing there\n" + banner), "rank 0: [data] nothing there\n");
  EXPECT_EQ(describe(voice.diagnosis(), 1), "");
}

TEST(MpirunVoice, SaysOnceWhatEveryRankSays) {
  MpirunVoice voice;
  EXPECT_EQ(heard(voice, "rank 2: no such file\nrank 0: no such file\nrank 1: another thing\nrank 3: no such file\r\n"),
            "rank 2: no such file\nrank 1: another thing\n");
}

TEST(MpirunVoice, ARankThatFailsAsItStartsIsNotNamed) {
  MpirunVoice voice;
  heard(voice, rule +
                   "\nPrimary job  terminated normally, but 1 process returned\na non-zero exit code. Per "
                   "user-direction, the job has been aborted.\n" +
                   rule);
  EXPECT_EQ(describe(voice.diagnosis(), 3), "a rank left with exit code 3 as it started and said nothing");
  EXPECT_FALSE(was_killed(voice.diagnosis(), 3));
  EXPECT_EQ(describe(voice.diagnosis(), 137), "a rank was killed by signal 9 (Killed) as it started");
  EXPECT_TRUE(was_killed(voice.diagnosis(), 137));
  EXPECT_EQ(describe({}, 137), "mpirun failed with exit code 137 and said nothing");
}

TEST(MpirunVoice, LeavesOtherLinesAlone) {
  MpirunVoice voice;
  EXPECT_EQ(heard(voice, "rank and file\nrank x: y\n----\n\nwarning\nmpirun: Forwarding signal 10 to job\n"),
            "rank and file\nrank x: y\n----\n\nwarning\n");
}

TEST(MpirunVoice, ShowsBannersThatItDoesNotKnow) {
  MpirunVoice voice;
  EXPECT_EQ(heard(voice, rule + "\nThe moon is full.\n" + rule), "mpirun: The moon is full.\n");
  MpirunVoice cut;
  EXPECT_EQ(heard(cut, rule + "\nhalf a banner\n"), "");
  EXPECT_EQ(cut.rest(), "half a banner\n");
}

TEST(MpirunVoice, HostsThatCannotBeReached) {
  MpirunVoice voice;
  EXPECT_EQ(
      heard(voice, "ssh: connect to host b port 22: Connection refused\n" + rule +
                       "\nORTE was unable to reliably start one or more daemons.\nThis usually is caused by:\n" + rule),
      "");
  const std::string said = describe(voice.diagnosis(), 255);
  EXPECT_NE(said.find("mpirun could not start its daemon on every host"), std::string::npos) << said;
  EXPECT_NE(said.find("(ssh: connect to host b port 22: Connection refused)"), std::string::npos) << said;
}

TEST(MpirunVoice, HostsThatAreLostOrLackTheProgram) {
  MpirunVoice lost;
  heard(lost, rule +
                  "\nORTE has lost communication with a remote daemon.\n\n  HNP daemon   : [[1,0],0] on node head\n"
                  "  Remote daemon: [[1,0],2] on node h2\n\nThis is usually due to a failure\n" +
                  rule);
  EXPECT_EQ(describe(lost.diagnosis(), 205), "contact with host h2 was lost");
  EXPECT_TRUE(lost.diagnosis().lost_host);
  MpirunVoice dead;
  EXPECT_EQ(heard(dead, "Connection to h3 closed by remote host.\r\n" + rule +
                            "\nORTE was unable to reliably start one or more daemons.\n" + rule),
            "");
  EXPECT_EQ(describe(dead.diagnosis(), 255), "contact with host h3 was lost");
  EXPECT_TRUE(dead.diagnosis().lost_host);
  MpirunVoice without;
  heard(without, rule +
                     "\nmpirun was unable to launch the specified application as it could not access\nor execute an "
                     "executable:\n\nExecutable: /opt/trireme\nNode: b\n\nwhile attempting to start process rank 0.\n" +
                     rule + "\n2 total processes failed to start\n");
  EXPECT_EQ(describe(without.diagnosis(), 1),
            "host b has no program /opt/trireme; it must have the same path on every host");
}

TEST(MpirunVoice, TheKilledRankMattersMoreThanWhatFollowsFromIt) {
  MpirunVoice voice;
  EXPECT_EQ(
      heard(voice,
            "[head:00023] plm:rsh: Warning: setpgid(27,27) failed in parent with errno=Permission denied(13)\n" + rule +
                "\nWARNING: Open MPI failed to TCP connect to a peer MPI process.  This\nshould not happen.\n\n"
                "  Local host: h1\n  PID:        331\n  Message:    connect() to 10.77.0.3:1024 failed\n" +
                rule + '\n' + rule +
                "\nmpirun noticed that process rank 1 with PID 331 on node h2 exited on signal 9 (Killed).\n" + rule),
      "");
  EXPECT_EQ(describe(voice.diagnosis(), 137), "rank 1 on host h2 was killed by signal 9 (Killed)");
}

TEST(MpirunVoice, APeersDisappearanceIsToldIfNothingElseIsKnown) {
  MpirunVoice voice;
  EXPECT_EQ(
      heard(voice, rule +
                       "\nAn MPI communication peer process has unexpectedly disconnected.  This\nusually indicates\n"
                       "  Local host: h1\n  Local PID:  656\n  Peer host:  h2\n" +
                       rule),
      "");
  EXPECT_EQ(describe(voice.diagnosis(), 1), "a rank on host h2 has gone");
  heard(voice, "Connection to h2 closed by remote host.\n");
  EXPECT_EQ(describe(voice.diagnosis(), 1), "contact with host h2 was lost");
}

TEST(MpirunVoice, NeverFailsInSilence) {
  EXPECT_EQ(describe({}, 7), "mpirun failed with exit code 7 and said nothing");
}

}  // namespace
}  // namespace trireme::launcher
