#include "runners/virtualenv.hpp"

#include "base/strings.hpp"
#include "runners/test_support.hpp"

namespace squall::runners {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class VirtualenvTest : public RunnerTest {
 protected:
  VirtualenvOptions options() const {
    VirtualenvOptions options;
    options.directory = directory_.path() + "/virtualenvs";
    options.python = "/usr/bin/python3";
    options.environment = {{"PATH", kPath}, {"HOME", directory_.path()}, {"PIP_NO_INDEX", "1"}};
    return options;
  }
  std::future<Result<Interpreter>> ask(Virtualenvs& virtualenvs, const std::string& pack) {
    auto promise = std::make_shared<std::promise<Result<Interpreter>>>();
    executor_.post([&virtualenvs, pack, path = directory_.path() + "/packs/" + pack, promise] {
      virtualenvs.ensure(pack, path, [promise](Result<Interpreter> result) { promise->set_value(std::move(result)); });
    });
    return promise->get_future();
  }
  void require(const std::string& pack, const std::string& requirements) {
    directory_.write("packs/" + pack + "/requirements.txt", requirements);
  }
  process::ProcessResult run_process(std::vector<std::string> arguments) {
    std::promise<process::ProcessResult> promise;
    auto started = processes_.start({.arguments = std::move(arguments), .environment = {{"PATH", kPath}}},
                                    {.on_exit = [&](process::ProcessResult result) { promise.set_value(result); }});
    EXPECT_TRUE(started);
    return promise.get_future().get();
  }
  // A wheel with one module, made by hand so that pip needs no network.
  std::string make_wheel(const std::string& name) {
    const std::string script = directory_.write("wheel.py", R"(
import sys, zipfile
name, path = sys.argv[1:]
info = name + "-1.0.dist-info/"
with zipfile.ZipFile(path, "w") as wheel:
    wheel.writestr(name + ".py", "VALUE = 41 + 1\n")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: %s\nVersion: 1.0\n" % name)
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "%s.py,,\n%sMETADATA,,\n%sWHEEL,,\n%sRECORD,,\n" % (name, info, info, info))
)");
    const std::string path = directory_.path() + "/" + name + "-1.0-py3-none-any.whl";
    EXPECT_EQ(run_process({"python3", script, name, path}).exit_code, 0);
    return path;
  }

  TemporaryDirectory directory_;
};

TEST_F(VirtualenvTest, PackWithoutRequirementsUsesTheSystemsInterpreter) {
  Virtualenvs virtualenvs(executor_, processes_, options());
  require("comments", "# nothing\n\n   # at all\n");
  for (const char* pack : {"none", "comments"}) {
    const auto interpreter = ask(virtualenvs, pack).get();
    ASSERT_TRUE(interpreter);
    EXPECT_EQ(interpreter->python, "/usr/bin/python3");
    EXPECT_EQ(interpreter->directory, "");
  }
  EXPECT_FALSE(std::filesystem::exists(options().directory));
}

TEST_F(VirtualenvTest, IsMadeOnceAndAgainWhenRequirementsChange) {
  const std::string first_wheel = make_wheel("squalldemo");
  require("demo", first_wheel + "\n");
  Interpreter first;
  {
    Virtualenvs virtualenvs(executor_, processes_, options());
    auto one = ask(virtualenvs, "demo");
    auto two = ask(virtualenvs, "demo");  // waits for the same one
    const auto result = one.get();
    ASSERT_TRUE(result) << result.error().message();
    first = *result;
    EXPECT_EQ(two.get()->python, first.python);
    EXPECT_EQ(first.python, first.directory + "/bin/python");
    EXPECT_EQ(run_process({first.python, "-c", "import squalldemo; print(squalldemo.VALUE)"}).standard_output, "42\n");
    EXPECT_EQ(std::filesystem::canonical(options().directory + "/demo"), std::filesystem::canonical(first.directory));
  }
  // A new squall finds it: no process has to run, which a directory without write permission for pip would show.
  const auto made = std::filesystem::last_write_time(first.directory + "/squall-complete");
  Virtualenvs virtualenvs(executor_, processes_, options());
  EXPECT_EQ(ask(virtualenvs, "demo").get()->directory, first.directory);
  EXPECT_EQ(std::filesystem::last_write_time(first.directory + "/squall-complete"), made);

  require("demo", first_wheel + "\n" + make_wheel("squallother") + "\n");
  const auto second = ask(virtualenvs, "demo").get();
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_NE(second->directory, first.directory);
  EXPECT_EQ(run_process({second->python, "-c", "import squallother"}).exit_code, 0);
  EXPECT_EQ(std::filesystem::canonical(options().directory + "/demo"), std::filesystem::canonical(second->directory));
  EXPECT_TRUE(std::filesystem::exists(first.python));  // an action may still run in it
}

// Stands in for an interpreter that lacks `six`, and for its venv and pip.
constexpr std::string_view kPythonWithoutSix = R"(#!/bin/sh
case "$*" in
  *find_spec*) echo six ;;
  *venv*) for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
  *"pip install"*) echo "$@" >> "$0.pip"; exit "$PIP_RESULT" ;;
  *) echo 3.11 ;;
esac
)";

TEST_F(VirtualenvTest, ALibraryThatIsImportedAndNotRequiredIsInstalledWhereItCan) {
  VirtualenvOptions without_six = options();
  without_six.python = directory_.write("python", kPythonWithoutSix);
  std::filesystem::permissions(without_six.python, std::filesystem::perms::owner_all);
  directory_.write("packs/old/actions/a.py", "import six, yaml\n");
  require("old", "PyYAML\n");
  for (const char* result : {"0", "1"}) {
    without_six.environment["PIP_RESULT"] = result;
    without_six.directory = directory_.path() + "/virtualenvs" + result;
    if (*result == '1') std::filesystem::remove(directory_.path() + "/packs/old/requirements.txt");
    Virtualenvs virtualenvs(executor_, processes_, without_six);
    const auto made = ask(virtualenvs, "old").get();
    ASSERT_TRUE(made) << "what nobody required may be missing: " << made.error().message();
    const auto calls = read_file(made->python + ".pip");
    ASSERT_TRUE(calls);
    EXPECT_THAT(*calls, testing::EndsWith("--no-input six\n"));
    EXPECT_EQ(calls->find("requirements.txt") != std::string::npos, *result == '0');
    EXPECT_EQ(std::filesystem::exists(made->directory + "/squall-complete"), *result == '0') << "tried again";
  }
}

TEST_F(VirtualenvTest, FailureNamesTheStepAndTheLogAndIsNotRepeatedAtOnce) {
  require("bad", "/no/such/file.whl\n");
  ManualClock clock{Timestamp()};
  Virtualenvs virtualenvs(executor_, processes_, options(), clock);
  const auto failed = ask(virtualenvs, "bad").get();
  ASSERT_FALSE(failed);
  const std::string log = options().directory + "/bad.log";
  EXPECT_THAT(failed.error().message(), HasSubstr("the virtualenv of pack \"bad\" could not be made: pip install -r "
                                                  "requirements.txt ended with exit code 1: "));
  EXPECT_THAT(failed.error().message(), HasSubstr("(all of it: " + log + ")"));
  EXPECT_THAT(read_file(log).value(), HasSubstr("/no/such/file.whl"));
  const auto logged = std::filesystem::last_write_time(log);
  EXPECT_EQ(ask(virtualenvs, "bad").get().error().message(), failed.error().message());
  EXPECT_EQ(std::filesystem::last_write_time(log), logged);
  executor_.run_and_wait([&] { clock.advance(61s); });
  EXPECT_FALSE(ask(virtualenvs, "bad").get());
  EXPECT_NE(std::filesystem::last_write_time(log), logged);
}

TEST_F(VirtualenvTest, InterpreterThatIsNotThere) {
  require("demo", "x\n");
  VirtualenvOptions bad = options();
  bad.python = "/no/such/python";
  Virtualenvs virtualenvs(executor_, processes_, bad);
  const auto failed = ask(virtualenvs, "demo").get();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "no such program: /no/such/python");
}

}  // namespace
}  // namespace squall::runners
