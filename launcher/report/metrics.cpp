#include "launcher/report/metrics.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "launcher/report/json_line.h"
#include "launcher/report/written_file.h"
#include "runtime/base/error.h"

namespace trireme::launcher {
namespace {

constexpr const char* where = "metrics";

// Null for a line that is not one whole object with a step.
nlohmann::json parse(const std::string& line) {
  nlohmann::json object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || !object.contains("step") || !object["step"].is_number_integer()) return nullptr;
  return object;
}

double number(const nlohmann::json& object, const char* key) {
  return object[key].is_number() ? object[key].get<double>() : std::numeric_limits<double>::quiet_NaN();
}

// Bytes of the lines, from the beginning, that are whole and not past `step`. What somebody else has written among them
// is not for this program to throw away.
std::int64_t bytes_up_to(const std::string& path, std::int64_t step) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return 0;
  std::ifstream file(path);
  std::int64_t bytes = 0;
  for (std::string line; std::getline(file, line) && !file.eof();) {
    const nlohmann::json object = parse(line);
    if (!object.is_null() && object["step"].get<std::int64_t>() > step) break;
    bytes += static_cast<std::int64_t>(line.size()) + 1;
  }
  return bytes;
}

}  // namespace

std::string to_json(const StepMetrics& metrics) {
  JsonLine line;
  line.add("step", metrics.step).add("loss", metrics.loss).add("grad_norm", metrics.grad_norm).add("lr", metrics.lr);
  line.add("samples_per_s", metrics.samples_per_s);
  if (metrics.tokens_per_s > 0.0)
    line.add("tokens_per_s", metrics.tokens_per_s);
  else
    line.add_null("tokens_per_s");
  line.add("step_ms", metrics.step_ms).add("skipped", metrics.skipped);
  if (metrics.opponent)
    line.add("loss_generator", metrics.loss)
        .add("loss_discriminator", metrics.opponent->loss)
        .add("grad_norm_discriminator", metrics.opponent->grad_norm)
        .add("lr_discriminator", metrics.opponent->lr);
  return line.text();
}

std::string to_json(const Validation& validation) {
  JsonLine line;
  line.add("step", validation.step).add("validation_loss", validation.loss);
  for (const metrics::Measure& measure : validation.measures.scalars) line.add(measure.name, measure.value);
  return line.text();
}

MetricsLog::MetricsLog(std::string path, std::int64_t resumed_step) : path_(std::move(path)) {
  const std::int64_t keep = resumed_step > 0 ? bytes_up_to(path_, resumed_step) : 0;
  file_ = FileHandle(open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0644));
  require(static_cast<bool>(file_), where, path_ + ": cannot be written:", reason_and_remedy(errno));
  struct stat status {};
  const bool longer = fstat(file_.get(), &status) == 0 && status.st_size > keep;
  if (longer && ftruncate(file_.get(), keep) != 0)
    fail(where, path_ + ": cannot be cut to step", resumed_step, ":", reason_and_remedy(errno));
}

void MetricsLog::append(std::string line) {
  launcher::append(where, path_, file_, line + '\n');
}

Curves read_curves(const std::string& path) {
  Curves curves;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json object = parse(line);
    if (object.is_null()) continue;
    const auto step = object["step"].get<std::int64_t>();
    if (object.contains("loss")) curves.training.push_back({step, number(object, "loss")});
    if (object.contains("validation_loss")) curves.validation.push_back({step, number(object, "validation_loss")});
  }
  return curves;
}

}  // namespace trireme::launcher
