// The device that the tests here are about: a GPU's, or the same code over a runtime that is none.
#pragma once

#include <memory>

#include "runtime/device/device.h"

namespace trireme::test {

std::unique_ptr<Device> make_subject();

}  // namespace trireme::test
