// From a job file and `--set`s to a checked job in which every knob has its value.
#pragma once

#include <span>
#include <string>

#include "launcher/config/job.pb.h"
#include "launcher/config/origins.h"

namespace trireme::launcher {

// Name of the resolved job in a run's folder.
inline constexpr const char* resolved_job_name = "job.textproto";

// Reads the file, applies `sets` ("path.to.key=value") in order, fills in what was left out (presets, defaults,
// run_dir) and checks every value. The result says everything: has_x() is true of every field outside an
// unused oneof but for texts without a default.
// Throws Error with file, line, column, the line, and the remedy. `origins`, where given, can place later complaints.
job::Job load_job(const std::string& path, std::span<const std::string> sets = {}, Origins* origins = nullptr);

// The same of a text that stands elsewhere (a checkpoint's manifest); `path` names it in messages.
job::Job load_job_text(const std::string& path, const std::string& text, std::span<const std::string> sets = {},
                       Origins* origins = nullptr);

// The job as a job file: load_job() of it gives an equal job.
std::string resolved_text(const job::Job& job);

// Every knob with its type, default, limits and meaning, as `trireme train --help-job` prints it.
std::string job_help();

}  // namespace trireme::launcher
