#include "tests/program/program_test.h"

#include <cmath>
#include <fstream>
#include <set>
#include <vector>

#include "runtime/store/checkpoint.h"
#include "runtime/store/run_folder.h"

namespace trireme::test {

const char* const gpt_job = R"(steps: 20
model { gpt { layers: 2 heads: 2 width: 32 sequence: 16 dropout: 0.1 } }
data { text { paths: "text.txt" } }
batch { global: 8 }
schedule { lr: 3e-3 warmup_steps: 3 cosine { } }
clip { norm: 1 }
parallel { bucket_mib: 0.02 }
evaluate { every_steps: 10 batches: 2 }
threads: 1
)";

const char* const mlp_job = R"(steps: 20
model { mlp { inputs: 20 hidden: [16, 16] classes: 5 dropout: 0.2 } }
data { synthetic { samples: 100 } }
batch { global: 16 }
optimizer { momentum { } }
schedule { lr: 0.05 }
threads: 1
)";

namespace {

// Sentences without meaning, but with something to learn.
std::string sentences(std::size_t bytes) {
  const char* const words[] = {"three", "banks", "of", "oars", "pull", "one", "stroke", "and", "the", "boat", "goes"};
  std::string text;
  for (std::uint32_t state = 1; text.size() < bytes; state = state * 1664525u + 1013904223u) {
    text += words[(state >> 20) % std::size(words)];
    text += (state >> 28) == 0 ? ".\n" : " ";
  }
  return text;
}

std::vector<nlohmann::json> metric_lines(const std::string& path, bool of_steps) {
  std::vector<nlohmann::json> found;
  for (const std::string& line : lines_of(read_file(path))) {
    const nlohmann::json object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object()) ADD_FAILURE() << path << ": not an object: " << line;
    if (object.contains("loss") == of_steps) found.push_back(object);
  }
  return found;
}

// "   8 | steps: many", or what stands below it.
bool is_quote(const std::string& line) {
  const std::size_t bar = line.find(" | ");
  return bar != std::string::npos && line.find_first_not_of(" 0123456789") == bar + 1;
}

// "rank 3: words" -> "words"
std::string without_speaker(const std::string& line) {
  const std::size_t colon = line.find(": ");
  const bool spoken =
      line.starts_with("rank ") && colon != std::string::npos && line.find_first_not_of("0123456789", 5) == colon;
  return spoken ? line.substr(colon + 2) : line;
}

}  // namespace

ProgramTest::ProgramTest() {
  folder_.write("text.txt", sentences(6000));
}

Command ProgramTest::trireme(const Words& arguments) const {
  Command command{.words = {TRIREME_PROGRAM}, .folder = folder_.path(), .environment = {}};
  command.words.insert(command.words.end(), arguments.begin(), arguments.end());
  return command;
}

Command ProgramTest::train(const std::string& job, const std::string& name, const Words& arguments) {
  folder_.write("job.textproto", job);
  Words words{"train", "job.textproto", "--set", "run_dir=" + name};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return trireme(words);
}

std::vector<nlohmann::json> ProgramTest::metrics(const std::string& name) const {
  return metric_lines(path(name) + "/metrics.jsonl", true);
}

std::vector<nlohmann::json> ProgramTest::other_metrics(const std::string& name) const {
  return metric_lines(path(name) + "/metrics.jsonl", false);
}

std::vector<double> ProgramTest::losses(const std::string& name) const {
  std::vector<double> values;
  for (const nlohmann::json& step : metrics(name))
    values.push_back(step["loss"].is_number() ? step["loss"].get<double>() : std::nan(""));
  return values;
}

std::map<std::string, std::vector<float>> ProgramTest::state(const std::string& name) const {
  std::map<std::string, std::vector<float>> values;
  const std::string checkpoint = store::latest_checkpoint(path(name)).path;
  if (checkpoint.empty()) return values;
  const store::CheckpointReader reader(checkpoint);
  for (const store::ManifestTensor& tensor : reader.tensors()) {
    std::vector<float>& data = values[tensor.name];
    data.resize(static_cast<std::size_t>(tensor.shape.numel()));
    reader.read(tensor.name, 0, tensor.shape.numel(), data.data());
  }
  return values;
}

std::int64_t ProgramTest::saved_step(const std::string& name) const {
  return store::latest_checkpoint(path(name)).step;
}

void expect_success(const Ended& ended) {
  EXPECT_TRUE(ended.in_time);
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
}

void expect_near(const std::vector<double>& got, const std::vector<double>& want, double relative) {
  ASSERT_EQ(got.size(), want.size());
  ASSERT_FALSE(want.empty());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], want[i], relative * std::abs(want[i])) << "element " << i;
}

std::string complaint_of(const Ended& ended) {
  std::string text;
  for (const std::string& line : lines_of(ended.err))
    if (!line.starts_with("trireme: ranks start through mpirun")) text += line + '\n';
  return text;
}

void expect_complaint(const Ended& ended, std::initializer_list<std::string_view> phrases, const Complaint& complaint) {
  const std::string text = complaint_of(ended);
  SCOPED_TRACE("stdout:\n" + ended.out + "stderr:\n" + ended.err);
  EXPECT_TRUE(ended.in_time) << "after " << ended.seconds << " s";
  EXPECT_EQ(ended.code, complaint.code);
  for (const std::string_view phrase : phrases) EXPECT_GE(count(text, phrase), 1) << phrase;
  std::vector<std::string> lines = lines_of(text);
  std::erase_if(lines, is_quote);
  EXPECT_FALSE(lines.empty()) << "nothing was said";
  EXPECT_LE(static_cast<int>(lines.size()), complaint.most_lines);
  std::set<std::string> seen;
  for (const std::string& line : lines) EXPECT_TRUE(seen.insert(without_speaker(line)).second) << "twice: " << line;
  for (const std::string_view noise :
       {"terminate called", "what():", "Process received signal", "core dumped", "MPI_ABORT", "----------",
        "mpirun noticed", "Sanitizer", "runtime error:", "libprotobuf"})
    EXPECT_EQ(count(text, noise), 0) << noise;
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c < 127)) << "byte " << static_cast<int>(c);
}

}  // namespace trireme::test
