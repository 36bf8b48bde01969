// Where each value of a job came from, so that a message can point at it.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace trireme::launcher {

// A place in a text: the line as it stands there, and where in it the caret goes. Lines and columns count from 0.
struct TextPlace {
  std::string source;  // "job.textproto", "--set"
  int line = -1;       // -1: the text has one line, no number is shown
  int column = 0;      // in characters as shown
  std::string shown;   // the line, tabs expanded
};
TextPlace place_in(std::string source, std::string_view text, std::size_t offset);

// "job.textproto:3:10: message", the line, and a caret under the place.
std::string placed_message(const TextPlace& place, std::string_view message);

// The written fields of one job. Fields are named by their path: "model.gpt.layers", "model.mlp.hidden[1]".
class Origins {
 public:
  explicit Origins(std::string job_file = {}) : job_file_(std::move(job_file)) {}

  const std::string& job_file() const noexcept { return job_file_; }
  void record(const std::string& field, TextPlace place) { places_[field] = std::move(place); }
  // Forgets the field and everything inside it.
  void forget(const std::string& field);
  bool knows(const std::string& field) const { return places_.contains(field); }

  // Throws Error with the message, placed at `field` or else at the nearest field around it that was written.
  [[noreturn]] void fail(std::string_view field, std::string_view message) const;

 private:
  std::string job_file_;
  std::map<std::string, TextPlace> places_;
};

}  // namespace trireme::launcher
