// The list of the models there are.
#include <sstream>
#include <string>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

class ModelList : public ProgramTest {};

TEST_F(ModelList, SaysHowManyParametersTheyHave) {
  const Ended listed = run(trireme({"models"}));
  expect_success(listed);
  std::map<std::string, std::string> lines;
  std::istringstream text(listed.out);
  for (std::string line; std::getline(text, line);) lines[line.substr(0, line.find(' '))] = line + ' ';
  // As published, or as other programs count them.
  for (const auto& [name, parameters] : {std::pair{"mlp", "407050"},
                                         {"lenet", "61706"},
                                         {"vgg16", "138357544"},
                                         {"resnet18", "11689512"},
                                         {"resnet34", "21797672"},
                                         {"resnet50", "25557032"},
                                         {"dcgan64", "6342272"},
                                         {"lstm", "4464896"},
                                         {"gpt2-124m", "124475904"},
                                         {"llama3-8b", "8030261248"}})
    EXPECT_NE(lines[name].find(std::string(" ") + parameters + ' '), std::string::npos) << lines[name];
}

}  // namespace
}  // namespace trireme::test
