// A pipeline's timeline as it was: from what a device's timeline recorded while the engine ran.
#pragma once

#include <span>
#include <string>

#include "parallel/pipeline/timeline.h"
#include "runtime/device/timeline.h"

namespace trireme::parallel {

// The computations of rank `rank` of the pipeline during the last step among `spans`, in seconds of the host's clock.
Timeline measured(std::span<const trireme::Span> spans, int rank);

// A timeline as lines of text, for sending it to another rank; and back. Texts may be put together.
std::string as_text(const Timeline& timeline);
Timeline timeline_from(const std::string& text);

}  // namespace trireme::parallel
