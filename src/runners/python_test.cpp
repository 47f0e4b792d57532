#include "runners/python.hpp"

#include <sys/stat.h>

#include "base/strings.hpp"
#include "net/test_server.hpp"
#include "runners/python_result.hpp"
#include "runners/test_support.hpp"

namespace squall::runners {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr const char* kRuntime = SQUALL_SOURCE_DIR "/python/squall_runner";

enum class Start { kCold, kForked };

// All of it is true for actions in interpreters of their own and for those that are forked.
class PythonRunnerTest : public RunnerTest, public testing::WithParamInterface<Start> {
 protected:
  // An action in a file of its own, because Python takes files of one size and second for the same; `body` is the file.
  ActionRequest action(const std::string& body, Value parameters = {}) {
    const std::string name = "act" + std::to_string(++last_file_) + ".py";
    directory_.write("actions/" + name, body);
    return request(name, std::move(parameters));
  }
  // An action whose run() has this body and takes anything.
  ActionRequest run_body(const std::string& body, Value parameters = {}) {
    return action(
        "import os, sys\nfrom st2common.runners.base_action import Action\n\n\nclass Demo(Action):\n"
        "    def run(self, **kwargs):\n        " +
            replace_all(body, "\n", "\n        ") + "\n",
        std::move(parameters));
  }
  ActionRequest request(const std::string& entry_point, Value parameters = {}) {
    ActionRequest result;
    result.execution_id = "64a000000000000000000002";
    result.action_ref = "demo.act";
    result.pack = "demo";
    result.pack_path = directory_.path();
    result.entry_point = entry_point;
    result.user = "stanley";
    result.api_url = "http://127.0.0.1:9101/v1";
    result.runner_parameters = json(R"({"timeout": 600, "log_level": "DEBUG", "debug": false})");
    result.action_parameters = parameters.is_null() ? Value::empty_dict() : std::move(parameters);
    return result;
  }
  Value result_of(const std::string& body, Value parameters = {}) {
    const ActionOutcome outcome = run(*runner_, run_body(body, std::move(parameters)));
    EXPECT_EQ(outcome.status, "succeeded") << to_json(outcome.result);
    return outcome.result["result"];
  }

  int last_file_ = 0;
  TemporaryDirectory directory_;
  Virtualenvs virtualenvs_{executor_,
                           processes_,
                           {.directory = directory_.path() + "/virtualenvs",
                            .python = "/usr/bin/python3",
                            .environment = {{"PATH", kPath}}}};
  ForkServers servers_{
      executor_,
      processes_,
      {.directory = directory_.path(), .runtime_directory = kRuntime, .environment = {{"PATH", kPath}}}};
  std::unique_ptr<Runner> runner_ = make_python_runner(
      executor_, processes_, virtualenvs_, {.runtime_directory = kRuntime, .environment = {{"PATH", kPath}}},
      GetParam() == Start::kForked ? &servers_ : nullptr);
};

INSTANTIATE_TEST_SUITE_P(Starts, PythonRunnerTest, testing::Values(Start::kCold, Start::kForked),
                         [](const auto& test) { return test.param == Start::kCold ? "Cold" : "Forked"; });

// The action of the conformance pack and what StackStorm 3.10dev answered (api/transcripts.json, group exec_python).
TEST_P(PythonRunnerTest, ResultsAreThoseOfStackStorm) {
  const std::string body = R"(
if kwargs["mode"] == "dict":
    return {"a": 1, "b": [1, 2.5, None, True], "c": {"d": "e"}}
if kwargs["mode"] == "false":
    return (False, "no luck")
if kwargs["mode"] == "true":
    return (True, {"x": 1})
if kwargs["mode"] == "print":
    print("to stdout")
    sys.stderr.write("to stderr\n")
    return "printed"
if kwargs["mode"] == "bigint":
    return [2**31, 2**53, 2**63 - 1, -(2**63)]
if kwargs["mode"] == "unicode":
    return "h\u00e9llo \u4e16\u754c \U0001f600"
if kwargs["mode"] == "none":
    return None
if kwargs["mode"] == "big":
    return "x" * 8192
if kwargs["mode"] == "exit":
    sys.exit(3)
return [1, "two", {"three": 3}])";
  const struct {
    const char* mode;
    const char* status;
    std::string result;
  } kCases[] = {
      {"dict", "succeeded",
       R"({"stdout": "", "stderr": "", "exit_code": 0, "result": {"a": 1, "b": [1, 2.5, null, true], "c": {"d": "e"}}})"},
      {"false", "failed", R"({"stdout": "", "stderr": "", "exit_code": 0, "result": "no luck"})"},
      {"true", "succeeded", R"({"stdout": "", "stderr": "", "exit_code": 0, "result": {"x": 1}})"},
      {"print", "succeeded",
       R"({"stdout": "to stdout\n", "stderr": "to stderr\n", "exit_code": 0, "result": "printed"})"},
      {"bigint", "succeeded", R"({"stdout": "", "stderr": "", "exit_code": 0,
                                  "result": [2147483648, 9007199254740992, 9223372036854775807, -9223372036854775808]})"},
      {"unicode", "succeeded",
       R"({"stdout": "", "stderr": "", "exit_code": 0, "result": "h\u00e9llo \u4e16\u754c \ud83d\ude00"})"},
      {"none", "succeeded", R"({"stdout": "", "stderr": "", "exit_code": 0, "result": null})"},
      {"big", "succeeded",
       R"({"stdout": "", "stderr": "", "exit_code": 0, "result": ")" + std::string(8192, 'x') + "\"}"},
      {"exit", "failed", R"({"stdout": "", "stderr": "", "exit_code": 3, "result": "None"})"},
      {"list", "succeeded", R"({"stdout": "", "stderr": "", "exit_code": 0, "result": [1, "two", {"three": 3}]})"},
  };
  for (const auto& expected : kCases) {
    const ActionOutcome outcome = run(*runner_, run_body(body, Value::dict({{"mode", expected.mode}})));
    EXPECT_EQ(outcome.status, expected.status) << expected.mode;
    EXPECT_EQ(outcome.result, json(expected.result)) << expected.mode << ": " << to_json(outcome.result);
  }
}

TEST_P(PythonRunnerTest, ExceptionHasItsTracebackInStderr) {
  const ActionOutcome outcome = run(*runner_, run_body("raise ValueError('boom')"));
  EXPECT_EQ(outcome.status, "failed");
  EXPECT_EQ(outcome.result["exit_code"].int_or(0), 1);
  EXPECT_EQ(outcome.result["result"].string(), "None");
  const std::string stderr_text = outcome.result["stderr"].string();
  EXPECT_THAT(stderr_text, testing::StartsWith("Traceback (most recent call last):"));
  EXPECT_THAT(stderr_text, HasSubstr("act1.py\", line 7, in run"));
  EXPECT_THAT(stderr_text, testing::EndsWith("ValueError: boom\n"));
}

TEST_P(PythonRunnerTest, StatusMustBeABoolean) {
  const ActionOutcome outcome = run(*runner_, run_body("return ('notbool', 1)"));
  EXPECT_EQ(outcome.status, "failed");
  EXPECT_EQ(
      outcome.result["error"].string(),
      "Status returned from the action run() method must either be True or False, got: notbool\nIf this is an "
      "existing action which returns a tuple with two items, it needs to be updated to\neither:\n\n1. Return a list "
      "instead of a tuple\n2. Return a tuple where a first items is a status flag - (True, ('item1', "
      "'item2'))\n\nFor more information, please see: https://docs.stackstorm.com/upgrade_notes.html#st2-v1-6");
  EXPECT_FALSE(outcome.result["traceback"].string().empty());
  EXPECT_EQ(outcome.result.size(), 2u);
}

TEST_P(PythonRunnerTest, WhatJsonLacksIsGivenAsText) {
  EXPECT_EQ(result_of("return {1, }").string(), "{1}");
  EXPECT_EQ(result_of("return (True, b'x')").string(), "b'x'");
  EXPECT_EQ(result_of("a = []; a.append(a); return a").string(), "[[...]]");
  EXPECT_EQ(result_of("return {1: 'a', None: (1, 2)}"), json(R"({"1": "a", "null": [1, 2]})"));
}

TEST_P(PythonRunnerTest, ConfigLoggerAndParameters) {
  ActionRequest request = run_body(
      "self.logger.info('hello %s', 1)\nself.logger.debug('quiet')\nself.logger.audit('loud')\n"
      "return [self.config['key'], self.config.get('none'), kwargs]",
      json(R"({"given": "ü", "n": 1.5})"));
  request.config = json(R"({"key": {"deep": [1]}})");
  request.runner_parameters.set("log_level", "INFO");
  request.parameter_schema =
      json(R"({"given": {"type": "string"}, "absent": {"type": "string"}, "timeout": {"default": 5}})");
  const ActionOutcome outcome = run(*runner_, request);
  EXPECT_EQ(outcome.result["result"], json(R"([{"deep": [1]}, null, {"given": "ü", "n": 1.5, "absent": null}])"));
  EXPECT_EQ(outcome.result["stderr"].string(),
            "actions.python.Demo: INFO     hello 1\nactions.python.Demo: AUDIT    loud\n");
  const ActionOutcome missing = run(*runner_, run_body("return self.config['nosuch']"));
  EXPECT_EQ(missing.status, "failed");
  EXPECT_THAT(missing.result["stderr"].string(),
              HasSubstr("ValueError: Config for pack \"demo\" is missing key \"nosuch\"."));
}

TEST_P(PythonRunnerTest, Environment) {
  ActionRequest request = run_body("return {k: v for k, v in os.environ.items() if k != 'LC_CTYPE'}");
  request.auth_token = "t0k3n";
  request.runner_parameters.set("env", json(R"({"MINE": "yes", "pythonpath": "/evil", "N": 1})"));
  const Value environment = run(*runner_, request).result["result"];
  EXPECT_EQ(environment, Value::dict({{"PATH", kPath},
                                      {"MINE", "yes"},
                                      {"N", "1"},
                                      {"PYTHONPATH", std::string(kRuntime) + ":" + directory_.path() + "/actions/lib"},
                                      {"ST2_ACTION_API_URL", "http://127.0.0.1:9101/v1"},
                                      {"ST2_ACTION_AUTH_TOKEN", "t0k3n"},
                                      {"ST2_ACTION_DEBUG", "False"},
                                      {"ST2_ACTION_EXECUTION_ID", "64a000000000000000000002"},
                                      {"ST2_ACTION_PACK_NAME", "demo"},
                                      {"ST2_API_URL", "http://127.0.0.1:9101/v1"},
                                      {"ST2_AUTH_TOKEN", "t0k3n"}}));
}

TEST_P(PythonRunnerTest, PacksImportTheirLibraries) {
  directory_.write("actions/lib/__init__.py", "");
  directory_.write("actions/lib/helper.py", "NAME = 'actions/lib'\n");
  directory_.write("lib/common.py", "NAME = 'lib'\n");
  directory_.write("actions/json.py", "raise RuntimeError('a file of the pack hides a standard module')\n");
  EXPECT_EQ(result_of("import json\nimport helper, common\nfrom lib import helper as again\n"
                      "return [helper.NAME, again.NAME, common.NAME]"),
            json(R"(["actions/lib", "actions/lib", "lib"])"));
}

TEST_P(PythonRunnerTest, OldConstructorsAndOldImports) {
  const ActionOutcome outcome = run(*runner_, action(R"(
from st2actions.runners.pythonrunner import Action
from st2common import log as logging

LOG = logging.getLogger(__name__)


class AbstractBase(Action):
    def __init__(self, config):
        super(AbstractBase, self).__init__(config)
        self.kept = config


class Real(AbstractBase):
    def run(self, x):
        return [self.kept, x, self.action_service.pack]
)",
                                                     json(R"({"x": 1})")));
  EXPECT_EQ(outcome.result["result"], json(R"([{}, 1, "demo"])")) << to_json(outcome.result);
}

TEST_P(PythonRunnerTest, BadFiles) {
  const auto stderr_of = [this](const std::string& body) {
    const ActionOutcome outcome = run(*runner_, action(body));
    EXPECT_EQ(outcome.status, "failed");
    EXPECT_EQ(outcome.result["exit_code"].int_or(0), 1);
    EXPECT_EQ(outcome.result["result"].string(), "None");
    return outcome.result["stderr"].string();
  };
  EXPECT_THAT(stderr_of("def broken(:\n"),
              testing::AllOf(HasSubstr("SyntaxError"), HasSubstr("Failed to load action class")));
  EXPECT_THAT(stderr_of("X = 1\n"), HasSubstr("Found no classes in plugin file"));
  EXPECT_THAT(stderr_of("from st2common.runners.base_action import Action\n"),
              HasSubstr("Found no classes in plugin file"));
  EXPECT_THAT(stderr_of("import nosuchmodule\n"), HasSubstr("No module named 'nosuchmodule'"));
  EXPECT_THAT(stderr_of("from st2client.shell import Shell\n"),
              testing::AllOf(HasSubstr("No module named 'st2client.shell'"),
                             HasSubstr("for more, add st2client to the requirements.txt of the pack")));
  EXPECT_THAT(stderr_of("from st2common.persistence.action import Action\n"),
              HasSubstr("squall offers only the parts of st2common that packs use"));
  const ActionOutcome missing = run(*runner_, request("nosuch.py"));
  EXPECT_EQ(missing.status, "failed");
  EXPECT_THAT(missing.result["stderr"].string(), HasSubstr("has no action class or the file doesn't exist"));
  EXPECT_THAT(run(*runner_, request("../../x.py")).result["error"].string(), HasSubstr("outside of its pack"));
  EXPECT_THAT(run(*runner_, request("")).result["error"].string(), HasSubstr("missing entry_point"));
}

TEST_P(PythonRunnerTest, TimeoutAndCancel) {
  ActionRequest slow = run_body("import time\nprint('started')\ntime.sleep(30)");
  slow.runner_parameters.set("timeout", 1);
  const ActionOutcome late = run(*runner_, slow);
  EXPECT_EQ(late.status, "timeout");
  EXPECT_EQ(late.result, json(R"({"stdout": "started\n", "stderr": "", "exit_code": -9, "result": "None",
                                  "error": "Action failed to complete in 1 seconds"})"));
  StopSource source;
  auto outcome = start(*runner_, run_body("import time\nprint('again')\ntime.sleep(30)"), source.token());
  while (seen_output().find("again") == std::string::npos) std::this_thread::sleep_for(5ms);
  source.stop();
  EXPECT_EQ(outcome.get().status, "canceled");
}

TEST_P(PythonRunnerTest, StreamedOutputDoesNotHoldTheResult) {
  result_of("print('one', flush=True)\nreturn 'the result'");
  EXPECT_EQ(seen_output(), "one\n");
}

// Every process of the machine can read arguments; those of the same user can read the environment too.
TEST_P(PythonRunnerTest, SecretsStayOutOfTheProcessList) {
  StopSource source;
  ActionRequest request =
      run_body("print('up', flush=True)\nimport time\ntime.sleep(30)", json(R"({"password": "PaRaMeTeR-s3cret"})"));
  request.config = json(R"({"token": "CoNfIg-s3cret"})");
  auto outcome = start(*runner_, request, source.token());
  while (seen_output().empty()) std::this_thread::sleep_for(5ms);
  size_t looked_at = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (!parse_int(name)) continue;
    std::ifstream file(entry.path() / "cmdline");
    const std::string command((std::istreambuf_iterator<char>(file)), {});
    EXPECT_THAT(command, testing::Not(HasSubstr("s3cret")));
    if (parse_int(name) != output_.pid) continue;
    ++looked_at;
    EXPECT_THAT(command, HasSubstr(GetParam() == Start::kCold ? "run_action.py" : "zygote.py"));
    std::ifstream environment(entry.path() / "environ");
    EXPECT_THAT(std::string((std::istreambuf_iterator<char>(environment)), {}), testing::Not(HasSubstr("s3cret")));
  }
  EXPECT_EQ(looked_at, 1u);
  source.stop();
  outcome.get();
}

TEST_P(PythonRunnerTest, BigParametersArrive) {
  EXPECT_EQ(result_of("return len(kwargs['text'])", Value::dict({{"text", std::string(5'000'000, 'p')}})).int_or(0),
            5'000'000);
}

TEST_P(PythonRunnerTest, DatastoreGoesThroughTheApi) {
  std::mutex mutex;
  std::vector<std::string> seen;
  net::testing::TestServer server([&](const net::ServerRequest& request) {
    const std::lock_guard lock(mutex);
    std::string line = request.method + " " + request.raw_path + " ";
    for (const auto& [name, value] : request.query) line += name + "=" + value + "&";
    seen.push_back(line + " " + request.body + " " + std::string(request.headers.get("X-Auth-Token")));
    net::ServerResponse response;
    if (request.path.ends_with("missing")) {
      response.status = 404;
      response.body = R"({"faultstring": "nothing"})";
    } else if (request.method == "DELETE") {
      response.status = 204;
    } else {
      response.body =
          request.path == "/v1/keys" ? R"([{"name": "a", "value": "1"}])" : R"({"name": "a", "value": "text"})";
    }
    return response;
  });
  ActionRequest request = run_body(R"(service = self.action_service
return [service.get_value('a b'), service.get_value('missing'), service.get_value('g', local=False, decrypt=True),
        service.set_value('k', {'x': 1}, ttl=5, encrypt=True), service.delete_value('k'),
        service.delete_value('missing'), [item.value for item in service.list_values(prefix='p')],
        service.get_user_info()])");
  request.api_url = server.url("/v1");
  request.auth_token = "tok";
  const ActionOutcome outcome = run(*runner_, request);
  EXPECT_EQ(outcome.result["result"],
            json(R"(["text", null, "text", true, true, false, ["1"], {"name": "a", "value": "text"}])"))
      << to_json(outcome.result);
  const std::lock_guard lock(mutex);
  EXPECT_THAT(
      seen,
      testing::ElementsAre(
          "GET /v1/keys/demo.Demo%3Aa%20b decrypt=false&scope=system&  tok",
          "GET /v1/keys/demo.Demo%3Amissing decrypt=false&scope=system&  tok",
          "GET /v1/keys/g decrypt=true&scope=system&  tok",
          R"(PUT /v1/keys/demo.Demo%3Ak  {"id": "demo.Demo:k", "name": "demo.Demo:k", "value": "{'x': 1}", )"
          R"("scope": "system", "secret": true, "ttl": 5} tok)",
          "DELETE /v1/keys/demo.Demo%3Ak scope=system&  tok", "DELETE /v1/keys/demo.Demo%3Amissing scope=system&  tok",
          "GET /v1/keys limit=100&offset=0&prefix=demo.Demo:p&  tok", "GET /v1/user   tok"));
}

TEST_P(PythonRunnerTest, PackWhoseVirtualenvFailsTellsWhy) {
  directory_.write("requirements.txt", "anything\n");
  Virtualenvs broken(executor_, processes_,
                     {.directory = directory_.path() + "/virtualenvs", .python = "/no/such/python"});
  const auto runner = make_python_runner(executor_, processes_, broken, {.runtime_directory = kRuntime});
  const ActionOutcome outcome = run(*runner, run_body("return 1"));
  EXPECT_EQ(outcome.status, "failed");
  EXPECT_EQ(outcome.result["error"].string(), "no such program: /no/such/python");
  EXPECT_TRUE(outcome.result.contains("traceback"));
}

TEST_P(PythonRunnerTest, ActionsOfThePackCore) {
  const auto core = [this](const char* entry_point, const char* parameters) {
    ActionRequest result = request(entry_point, json(parameters));
    result.pack = "core";
    result.pack_path = SQUALL_SOURCE_DIR "/packs/core";
    return result;
  };
  EXPECT_EQ(run(*runner_, core("generate_uuid.py", R"({"uuid_type": "uuid4"})")).result["result"].size(), 36u);
  EXPECT_EQ(run(*runner_, core("generate_uuid.py", R"({"uuid_type": "uuid9"})")).status, "failed");
  EXPECT_EQ(run(*runner_, core("pause.py", R"({"max_pause": 1, "random": true})")).result["result"].int_or(0), 1);
  std::string seen;
  net::testing::TestServer server([&](const net::ServerRequest& received) {
    seen = received.path + " " + received.body + " " + std::string(received.headers.get("St2-Trace-Tag"));
    return net::ServerResponse{.status = 202, .body = received.body};
  });
  ActionRequest inject = core("inject_trigger.py", R"({"trigger": "a.b", "payload": {"x": 1}, "trace_tag": "t"})");
  inject.api_url = server.url("/v1");
  EXPECT_EQ(run(*runner_, inject).result["result"], json(R"({"trigger": "a.b", "payload": {"x": 1}})"));
  EXPECT_EQ(seen, R"(/v1/webhooks/st2 {"trigger": "a.b", "payload": {"x": 1}} t)");
}

}  // namespace
}  // namespace squall::runners
