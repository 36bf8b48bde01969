// Job files for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "launcher/config/config.h"
#include "runtime/base/error.h"
#include "tests/support/scratch_folder.h"

namespace trireme::launcher {

// A job that is right, and short.
inline constexpr const char* small_job = R"(steps: 10
model { gpt { layers: 2 heads: 2 width: 8 } }
data { synthetic { } }
)";

class JobFile : public testing::Test {
 protected:
  using Sets = std::vector<std::string>;

  job::Job load(const std::string& text, const Sets& sets = {}) const {
    return load_job(folder_.write("job.textproto", text), sets);
  }

  // The message that loading ends with, the folder's name left out.
  std::string complaint(const std::string& text, const Sets& sets = {}) const {
    return complaint_about(folder_.write("job.textproto", text), sets);
  }

  std::string complaint_about(const std::string& path, const Sets& sets = {}) const {
    std::string message = test::message_of<Error>([&] { load_job(path, sets); });
    const std::string folder = folder_.path() + "/";
    for (std::size_t at; (at = message.find(folder)) != std::string::npos;) message.erase(at, folder.size());
    return message;
  }

  test::ScratchFolder folder_;
};

}  // namespace trireme::launcher
