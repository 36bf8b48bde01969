// The job files that people begin with.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "launcher/config/config.h"
#include "launcher/trainer/dry_run.h"
#include "launcher/trainer/layout.h"

namespace trireme {
namespace {

TEST(Examples, CanBePlanned) {
  int found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(EXAMPLES)) {
    if (entry.path().extension() != ".textproto") continue;
    SCOPED_TRACE(entry.path().string());
    const job::Job job = launcher::load_job(entry.path().string(), {});
    const nlohmann::json plan = nlohmann::json::parse(
        launcher::dry_run_report(job, launcher::ranks_of(job) > 1 ? launcher::ranks_of(job) : 2, true));
    EXPECT_GT(plan.at("model_parameters").get<double>(), 1000.0);
    ++found;
  }
  EXPECT_GE(found, 12);
}

}  // namespace
}  // namespace trireme
