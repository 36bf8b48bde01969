// The order of the house holds in every source file; and the checks that say so go red on houses that are out of order.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/layering/rules.h"

namespace trireme::layering {
namespace {

std::string joined(const Complaints& complaints) {
  std::string text;
  for (const std::string& one : complaints) text += "\n" + one;
  return text;
}

class House : public testing::Test {
 protected:
  static Rooms real_rooms() {
    std::ifstream in(PROJECT_ROOT "/tests/layering/rooms.txt");
    return Rooms(in);
  }

  Rooms rooms_ = real_rooms();
  std::vector<SourceFile> files_ = read_tree(PROJECT_ROOT, rooms_.folders());
};

TEST_F(House, HasSourcesInEveryRoom) {
  for (const std::string room : {"runtime", "collectives", "parallel", "models", "launcher", "tests"}) {
    EXPECT_TRUE(std::any_of(files_.begin(), files_.end(), [&](const SourceFile& file) {
      return file.path.starts_with(room + "/");
    })) << room;
  }
}

TEST_F(House, IncludesGoDownwards) {
  const Complaints complaints = check_includes(rooms_, files_);
  EXPECT_TRUE(complaints.empty()) << joined(complaints);
}

TEST_F(House, OnlyTheLauncherSpeaksToTheWorld) {
  const Complaints complaints = check_calls(files_);
  EXPECT_TRUE(complaints.empty()) << joined(complaints);
}

TEST_F(House, NoStateWithoutAnOwner) {
  const Complaints complaints = check_state(files_);
  EXPECT_TRUE(complaints.empty()) << joined(complaints);
}

TEST_F(House, FilesAreChosenByTheBuild) {
  const Complaints complaints = check_preprocessor(files_);
  EXPECT_TRUE(complaints.empty()) << joined(complaints);
}

TEST_F(House, NothingIsTooLong) {
  const Complaints complaints = check_sizes(files_);
  EXPECT_TRUE(complaints.empty()) << joined(complaints);
}

Rooms small_rooms() {
  std::istringstream text(
      "runtime/base\n"
      "runtime/nn  runtime/base  # layers\n"
      "collectives runtime/base\n"
      "launcher    runtime collectives\n");
  return Rooms(text);
}

Complaints includes(const std::string& path, const std::string& text) {
  return check_includes(small_rooms(), {{path, text}, {"runtime/nn/wide/native.h", ""}});
}

TEST(Rooms, RefusesAPartThatUsesOneBelow) {
  std::istringstream upward("runtime/base runtime/nn\nruntime/nn\n");
  EXPECT_THROW(Rooms{upward}, std::runtime_error);
  std::istringstream twice("runtime/base\nruntime/base\n");
  EXPECT_THROW(Rooms{twice}, std::runtime_error);
}

TEST(Includes, DownwardAreFine) {
  EXPECT_EQ(includes("launcher/main.cpp", "#include <vector>\n#include \"runtime/nn/layers.h\"\n"), Complaints{});
  EXPECT_EQ(includes("runtime/nn/a.cpp", "#include \"runtime/nn/b.h\"\n#include \"native.h\"\n"), Complaints{});
  EXPECT_EQ(includes("collectives/mpi/a.cpp", "#include <mpi.h>\n"), Complaints{});
  EXPECT_EQ(includes("launcher/a.cpp", "#include \"launcher/config/job.pb.h\"\n"), Complaints{});
}

TEST(Includes, UpwardIsNamedWithItsPlace) {
  EXPECT_EQ(includes("runtime/base/a.h", "\n// about\n#include \"runtime/nn/layers.h\"\n"),
            Complaints{"runtime/base/a.h:3: runtime/base may not include runtime/nn (runtime/nn/layers.h)"});
  EXPECT_EQ(includes("collectives/a.h", "#  include <launcher/main.h>\n"),
            Complaints{"collectives/a.h:1: collectives may not include launcher (launcher/main.h)"});
}

TEST(Includes, InCommentsDoNotCount) {
  EXPECT_EQ(includes("runtime/base/a.h", "// #include \"runtime/nn/layers.h\"\n/*\n#include \"launcher/b.h\"\n*/\n"),
            Complaints{});
}

TEST(Includes, StrangersAreNamed) {
  EXPECT_EQ(includes("runtime/other/a.h", "").size(), 1U);
  EXPECT_EQ(includes("runtime/nn/a.h", "#include \"runtime/other/b.h\"\n").size(), 1U);
  EXPECT_EQ(includes("runtime/nn/a.h", "#include \"b.h\"\n").size(), 1U);
  EXPECT_EQ(includes("collectives/threads/a.h", "#include <mpi.h>\n").size(), 1U);
  EXPECT_EQ(includes("launcher/a.cpp", "#include <mpi.h>\n").size(), 1U);
  EXPECT_EQ(includes("runtime/nn/a.cpp", "#include \"runtime/nn/job.pb.h\"\n").size(), 1U);
  EXPECT_EQ(includes("runtime/nn/a.cpp", "#include <cuda_runtime.h>\n").size(), 1U);
  EXPECT_EQ(includes("launcher/a.cpp", "#include <nccl.h>\n").size(), 1U);
  EXPECT_EQ(includes("runtime/nn/cuda_plugin.cpp", "#include <cuda_runtime.h>\n").size(), 1U);
  EXPECT_EQ(includes("runtime/nn/cuda/a.cu", "#include <cudnn.h>\n").size(), 0U);
}

std::size_t calls(const std::string& text) {
  return check_calls({{"runtime/base/a.cpp", text}}).size();
}

TEST(Calls, ToTheWorldAreNamed) {
  for (const std::string text : {"auto x = std::getenv(\"HOME\");", "exit(1);", "::_exit(2);", "std::cerr << 1;",
                                 "std::printf(\"x\");", "std::abort();", "if (bad) std::exit(3);"}) {
    EXPECT_EQ(calls(text), 1U) << text;
  }
  EXPECT_EQ(check_calls({{"runtime/base/a.cpp", "\n\nexit(1);"}}),
            Complaints{"runtime/base/a.cpp:3: 'exit(' belongs in launcher"});
}

TEST(Calls, OfTheSameNameOrInTextAreFine) {
  for (const std::string text : {"group.abort(reason);", "world->exit();", "// calls exit(1)", "say(\"exit(1)\");",
                                 "R\"(getenv(\"X\"))\";", "on_exit(3);", "int count = 1'000; int quote = '\"';"}) {
    EXPECT_EQ(calls(text), 0U) << text;
  }
  EXPECT_EQ(check_calls({{"launcher/main.cpp", "exit(1);"}}), Complaints{});
  EXPECT_EQ(check_calls({{"collectives/mpi/end.cpp", "std::_Exit(1);"}}), Complaints{});
  EXPECT_EQ(check_calls({{"collectives/mpi/end.cpp", "std::getenv(name);"}}).size(), 1U);
}

std::size_t state(const std::string& text) {
  return check_state({{"parallel/a.cpp", text}}).size();
}

TEST(State, WithoutAnOwnerIsNamed) {
  for (const std::string text :
       {"int counter = 0;", "namespace a {\nnamespace {\nstd::vector<int> seen;\n}\n}", "static bool ready;",
        "void f() { static int calls = 0; ++calls; }", "void f() { static Cache cache(3); }",
        "class A { static int live; };", "thread_local Buffer scratch;", "inline std::atomic<int> next{0};",
        "static const char* place = nullptr;", "struct A { int x; } instance;"}) {
    EXPECT_EQ(state(text), 1U) << text;
  }
  EXPECT_EQ(check_state({{"parallel/a.cpp", "\nint counter = 0;"}}),
            Complaints{"parallel/a.cpp:2: 'int counter' is mutable state that no object owns"});
}

TEST(State, ThatIsConstantOrOwnedIsFine) {
  for (const std::string text :
       {"constexpr int size = 3;", "const std::map<int, int*> table = {{1, nullptr}};",
        "static const char* const name = \"a\";", "inline constexpr int kinds[] = {1, 2};", "using A = int;",
        "enum class E : int { a, b = 2 };", "int f();", "static int f(int x) { int y = x; return y; }",
        "struct A { int x = 0; static A zero() { return {}; } };",
        "template <class T = void>\nstruct B { T* x = nullptr; };",
        "bool A::operator==(const A& o) const { return true; }", "A::A(int a) : a_{a}, b_(a) { c_ = a; }",
        "void f() { static const int x = 3; std::vector<int> y; y = {}; }", "extern template class B<int>;",
        "#define LONG \\\n  int x = 3\nvoid f();"}) {
    EXPECT_EQ(state(text), 0U) << text;
  }
  EXPECT_EQ(check_state({{"launcher/main.cpp", "int signal_count = 0;"}}), Complaints{});
}

TEST(Sizes, ThatAreTooLargeAreNamed) {
  const auto complaints = [](const std::string& text) { return check_sizes({{"runtime/base/a.cpp", text}}); };
  const auto lines = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "  go();\n";
    return text;
  };
  EXPECT_EQ(complaints("//" + std::string(118, 'x') + "\n"), Complaints{});
  EXPECT_EQ(complaints("//" + std::string(119, 'x') + "\n"), Complaints{"runtime/base/a.cpp:1: 121 columns"});
  EXPECT_EQ(complaints("// " + std::string(60, '\xc3') + std::string(110, '\xa9') + "\n").size(), 0U) << "characters";
  EXPECT_EQ(complaints(std::string(400, '\n')), Complaints{});
  EXPECT_EQ(complaints(std::string(401, '\n')).size(), 1U);
  EXPECT_EQ(complaints("void f() {\n" + lines(58) + "}\n"), Complaints{});
  EXPECT_EQ(complaints("\nvoid f(int a,\n       int b) {\n" + lines(58) + "}\n"),
            Complaints{"runtime/base/a.cpp:2: a function of 61 lines"});
  EXPECT_EQ(complaints("struct A {\n  void f() {\n" + lines(59) + "  }\n};\n").size(), 1U);
  EXPECT_EQ(complaints("struct A {\n  void f() { go(); }\n" + lines(59) + "  void g() {\n  }\n};\n"), Complaints{});
}

TEST(Preprocessor, ChoosingCodeIsNamed) {
  const auto complaints = [](const std::string& path, const std::string& text) {
    return check_preprocessor({{path, text}}).size();
  };
  EXPECT_EQ(complaints("runtime/base/a.h", "#ifdef FAST\n#endif\n"), 1U);
  EXPECT_EQ(complaints("runtime/base/a.h", "  # if FAST\n#endif\n"), 1U);
  EXPECT_EQ(complaints("runtime/base/a.h", "#define TWICE(x) (2 * (x))\n"), 1U);
  EXPECT_EQ(complaints("runtime/base/a.h", "#pragma once\n#define WIDTH 8\n// #if\n"), 0U);
  EXPECT_EQ(complaints("runtime/base/dnnl_version.h", "#if DNNL_VERSION_MAJOR > 2\n#endif\n"), 0U);
}

}  // namespace
}  // namespace trireme::layering
