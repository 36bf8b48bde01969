// The example programs, run as their first lines say.
#include <cmath>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

class Examples : public ProgramTest {
 protected:
  // The losses that own_module prints.
  std::vector<double> own_module(Words before) {
    before.insert(before.end(), {OWN_MODULE, path("text.txt")});
    const Ended ended =
        run({.words = before,
             .folder = folder_ / "",
             .environment = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}}});
    expect_success(ended);
    std::vector<double> losses;
    for (const std::string& line : lines_of(ended.out))
      if (const std::size_t at = line.find("loss "); at != std::string::npos)
        losses.push_back(std::stod(line.substr(at + 5)));
    return losses;
  }
};

TEST_F(Examples, OwnModuleLearnsAndSplits) {
  const std::vector<double> alone = own_module({});
  ASSERT_EQ(alone.size(), 7U);
  EXPECT_NEAR(alone.front(), std::log(256.0), 0.1);
  EXPECT_LT(alone.back(), 2.8);
  const std::vector<double> two = own_module({MPIRUN_PROGRAM, "--oversubscribe", "-n", "2"});
  ASSERT_EQ(two.size(), alone.size());
  for (std::size_t i = 0; i < two.size(); ++i) EXPECT_NEAR(two[i], alone[i], 0.01) << i;  // printed with three digits
}

}  // namespace
}  // namespace trireme::test
