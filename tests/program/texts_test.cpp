// Texts told by their class, through the whole program: drawn ones, files, and what may be wrong with them.
#include <string>

#include "tests/program/program_test.h"

namespace trireme::test {
namespace {

constexpr const char* texts_job = R"(steps: 150
model { text_classifier { sequence: 100 width: 24 filters: 32 units: 32 dropout: 0.05 } }
data { texts { drawn: 1200 } split { validation: 0.2 test: 0.1 stratified: true } }
batch { global: 32 }
schedule { lr: 1e-2 min_lr: 1e-3 warmup_steps: 10 cosine { } }
clip { norm: 1 }
evaluate { every_steps: 50 }
threads: 1
)";

class TextsProgram : public ProgramTest {
 protected:
  Ended with(const std::string& texts, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"--set", "data.texts={" + texts + "}"};
    words.insert(words.end(), more.begin(), more.end());
    return run(train(texts_job, "files" + std::to_string(runs_++), words));
  }

  int runs_ = 0;
};

TEST_F(TextsProgram, DrawnOnesAreLearntAlikeOnAnyNumberOfRanks) {
  expect_success(run(train(texts_job, "one")));
  const Ended judged = run(trireme({"evaluate", "one", "--test", "--json"}));
  expect_success(judged);
  EXPECT_GT(nlohmann::json::parse(judged.out).at("accuracy").get<double>(), 0.7) << judged.out;

  const Words first{"--set", "steps=10", "--set", "schedule={lr: 1e-3}"};
  expect_success(run(train(texts_job, "alone", first)));
  Words shared = first;
  for (const char* word : {"-n", "2", "--ranks-as-threads", "--set", "parallel.zero=2"}) shared.push_back(word);
  expect_success(run(train(texts_job, "two", shared)));
  expect_near(losses("two"), losses("alone"), 2e-5);
}

TEST_F(TextsProgram, FilesAreReadOrRefused) {
  std::string lines;
  for (int i = 0; i < 60; ++i) lines += i % 2 == 0 ? "ham\tsee you at noon\n" : "spam\tbuy now, pay never\n";
  folder_.write("good.tsv", lines);
  expect_success(with("paths: [\"good.tsv\"]", {"--set", "steps=20"}));
  EXPECT_LT(losses("files0").back(), 0.3);

  folder_.write("bad.tsv", lines + "no class here\n");
  expect_complaint(with("paths: [\"bad.tsv\"]"), {"bad.tsv: line 61", "tab"});
  expect_success(with("paths: [\"bad.tsv\"] skip_bad: true", {"--set", "steps=20"}));
  expect_complaint(with("paths: [\"good.tsv\"]", {"--set", "model.text_classifier.classes=3"}),
                   {"model.text_classifier.classes", "2", "found 3"});
  expect_complaint(with("drawn: 400", {"--set", "model.text_classifier.window=4"}), {"window", "odd"});
}

TEST_F(TextsProgram, TheModelAndItsDataGoTogether) {
  expect_complaint(run(train(gpt_job, "no", {"--set", "data={texts{}}"})), {"data.texts", "text_classifier"});
  expect_complaint(run(train(texts_job, "no", {"--set", "data={synthetic{}}"})), {"texts", "text_classifier"});
}

}  // namespace
}  // namespace trireme::test
