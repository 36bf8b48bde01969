// Which validation of a run was the best, and whether there is hope of a better one.
#pragma once

#include <cstdint>
#include <string>

#include "launcher/config/config.h"
#include "launcher/report/metrics.h"
#include "runtime/store/manifest.h"

namespace trireme::launcher {

class Judge {
 public:
  explicit Judge(const job::Job& job);

  // Takes in a validation; whether it is the best so far. The same on all ranks, since they find the same. An Error
  // where what is to be judged by was not measured.
  bool take(const Validation& validation);
  // Whether as many validations in a row as the job waits for were no better.
  bool gives_up() const noexcept { return patience_ > 0 && since_ >= patience_; }
  // "the best was accuracy 0.9812 after step 300"; empty before the first.
  std::string text() const;

  // As part of a checkpoint. What was judged by something else is forgotten.
  void write(store::Metadata& metadata) const;
  void read(const store::Metadata& metadata);

 private:
  bool better(double value) const;

  std::string by_;
  bool larger_is_better_ = false;
  double least_change_ = 0.0;
  std::int64_t patience_ = 0;
  std::int64_t step_ = 0;  // of the best; 0: none yet
  double value_ = 0.0;
  std::int64_t since_ = 0;  // validations after the best
};

}  // namespace trireme::launcher
