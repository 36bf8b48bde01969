// Work that every rank does and that counts only if all of them succeed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "parallel/together/gather_text.h"

namespace trireme::parallel {

// An Error that every rank of a run throws at once: it need be shown by one of them only.
class SharedError : public Error {
 public:
  using Error::Error;
};

// Runs `work`, which returns a text; returns the texts of all ranks. If it throws on any rank, every rank throws
// SharedError with the message of the first rank that failed. Collective.
template <class Work>
std::vector<std::string> together(Device& device, Group& group, Stream& stream, Work&& work) {
  std::string answer;
  try {
    answer = "+" + std::forward<Work>(work)();
  } catch (const std::exception& error) {
    answer = std::string("-") + error.what();
  }
  std::vector<std::string> answers = gather_text(answer, device, group, stream);
  for (std::string& text : answers) {
    if (text.starts_with('-')) throw SharedError(text.substr(1));
    text.erase(0, 1);
  }
  return answers;
}

}  // namespace trireme::parallel
