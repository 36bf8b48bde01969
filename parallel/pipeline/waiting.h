// Whether ranks can come to wait for each other in a circle.
#pragma once

#include "parallel/pipeline/schedule.h"

namespace trireme::parallel {

// Throws, naming ranks and actions of a circle, unless every order of events ends. Wants a table whose transfers match.
// A transfer begins when both ranks have come to it; a rank goes on while at most `outstanding` of its transfers have
// begun and not ended, and an action waits for what it needs.
void check_waiting(const Schedule& schedule, int outstanding);

}  // namespace trireme::parallel
