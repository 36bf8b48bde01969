#include "runtime/base/error.h"

#include <gtest/gtest.h>

namespace trireme::test {
namespace {

std::string message_of(void (*action)()) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Errors, JoinTheirWords) {
  EXPECT_EQ(message_of([] { fail("linear", "expected width", 3, "found", 4.5); }),
            "[linear] expected width 3 found 4.5");
  EXPECT_EQ(message_of([] { fail("here"); }), "[here]");
}

TEST(Errors, RequireThrowsOnlyWhereItsConditionFails) {
  EXPECT_EQ(message_of([] { require(true, "here", "never"); }), "no error");
  EXPECT_EQ(message_of([] { require(false, "here", "always"); }), "[here] always");
}

TEST(Errors, AreStandardRuntimeErrors) {
  EXPECT_THROW(fail("here"), std::runtime_error);
}

}  // namespace
}  // namespace trireme::test
