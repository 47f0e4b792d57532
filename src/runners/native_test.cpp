#include "runners/native.hpp"

#include <atomic>
#include <condition_variable>

#include "base/limits.hpp"
#include "net/http_client.hpp"
#include "runners/noop.hpp"
#include "runners/registry.hpp"
#include "runners/test_support.hpp"

namespace squall::runners {
namespace {

using namespace std::chrono_literals;

class NativeRunnerTest : public RunnerTest {
 protected:
  void add(const std::string& name, std::function<Result<NativeAnswer>(const NativeCall&)> body, bool runs_inline = false) {
    registry_.add({.name = name, .runs_inline = runs_inline, .run = std::move(body)});
  }
  static ActionRequest request(const std::string& name, Value parameters = {}, Value state = {}) {
    ActionRequest result;
    result.entry_point = name;
    result.action_parameters = std::move(parameters);
    result.wait_state = std::move(state);
    return result;
  }

  NativeRegistry registry_;
  net::HttpClient http_;
  NativeServices services_{.http = http_, .environment = [](const std::string&) { return std::string(); }};
  std::unique_ptr<Runner> runner_ = make_native_runner(executor_, registry_, services_);
};

TEST_F(NativeRunnerTest, AnswersBecomeOutcomes) {
  add("demo.add", [](const NativeCall& call) -> Result<NativeAnswer> {
    const Value sum = call.parameters["a"].int_or(0) + call.parameters["b"].int_or(0);
    return NativeAnswer::succeeded(Value::dict({{"sum", sum}}));
  });
  add("demo.no", [](const NativeCall&) -> Result<NativeAnswer> { return NativeAnswer::failure(Value::dict({{"why", 1}})); });
  const ActionOutcome sum = run(*runner_, request("demo.add", json(R"({"a": 2, "b": 3})")));
  EXPECT_EQ(sum.status, "succeeded");
  EXPECT_EQ(sum.result, json(R"({"sum": 5})"));
  const ActionOutcome no = run(*runner_, request("demo.no"));
  EXPECT_EQ(no.status, "failed");
  EXPECT_EQ(no.result, json(R"({"why": 1})"));
}

TEST_F(NativeRunnerTest, ErrorsKeepCodeAndStatus) {
  add("demo.remote", [](const NativeCall&) -> Result<NativeAnswer> {
    return fail(Error(ErrorCode::kRemote, "no such instance").with_type("DBInstanceNotFound").with_http_status(404));
  });
  add("demo.plain", [](const NativeCall&) -> Result<NativeAnswer> { return fail(ErrorCode::kTimeout, "too slow"); });
  add("demo.throws", [](const NativeCall&) -> Result<NativeAnswer> { throw std::runtime_error("boom"); });
  const ActionOutcome remote = run(*runner_, request("demo.remote"));
  EXPECT_EQ(remote.status, "failed");
  EXPECT_EQ(remote.result, json(R"({"error": "no such instance", "code": "DBInstanceNotFound", "http_status": 404})"));
  EXPECT_EQ(run(*runner_, request("demo.plain")).result,
            Value::dict({{"error", "too slow"}, {"code", error_code_name(ErrorCode::kTimeout)}}));
  const ActionOutcome thrown = run(*runner_, request("demo.throws"));
  EXPECT_EQ(thrown.status, "failed");
  EXPECT_EQ(thrown.result["error"].string(), "demo.throws failed unexpectedly: boom");
  const ActionOutcome unknown = run(*runner_, request("demo.nosuch"));
  EXPECT_EQ(unknown.status, "failed");
  EXPECT_EQ(unknown.result["error"].string(), "there is no native action \"demo.nosuch\"");
}

TEST_F(NativeRunnerTest, WaitingHoldsStateAndIsResumed) {
  add("demo.poll", [](const NativeCall& call) -> Result<NativeAnswer> {
    const int64_t tries = call.state["tries"].int_or(0);
    if (tries == 1) return NativeAnswer::succeeded("ready");
    return NativeAnswer::wait_for(30s, Value::dict({{"tries", tries + 1}}));
  });
  const ActionOutcome first = run(*runner_, request("demo.poll"));
  EXPECT_EQ(first.status, "running");
  ASSERT_NE(first.wait, nullptr);
  EXPECT_EQ(first.wait->delay, Duration(30s));
  EXPECT_EQ(run(*runner_, request("demo.poll", {}, first.wait->state)).result.string(), "ready");
}

TEST_F(NativeRunnerTest, InlineRunsOnTheExecutorAndOthersDoNot) {
  std::atomic<bool> inline_here = false, pooled_here = true;
  add("demo.inline", [&](const NativeCall&) -> Result<NativeAnswer> {
    inline_here = executor_.is_current();
    return NativeAnswer::succeeded({});
  }, true);
  add("demo.pooled", [&](const NativeCall&) -> Result<NativeAnswer> {
    pooled_here = executor_.is_current();
    return NativeAnswer::succeeded({});
  });
  run(*runner_, request("demo.inline"));
  run(*runner_, request("demo.pooled"));
  EXPECT_TRUE(inline_here);
  EXPECT_FALSE(pooled_here);
}

TEST_F(NativeRunnerTest, PoolIsBoundedAndRunsEverything) {
  std::mutex mutex;
  std::condition_variable changed;
  size_t running = 0, most = 0;
  bool open = false;
  add("demo.block", [&](const NativeCall&) -> Result<NativeAnswer> {
    std::unique_lock lock(mutex);
    most = std::max(most, ++running);
    changed.notify_all();
    changed.wait(lock, [&] { return open; });
    --running;
    return NativeAnswer::succeeded({});
  });
  std::vector<std::future<ActionOutcome>> all;
  for (size_t i = 0; i < limits::kNativeThreadsMax + 10; ++i) all.push_back(start(*runner_, request("demo.block")));
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return running == limits::kNativeThreadsMax; });
    open = true;
  }
  changed.notify_all();
  for (auto& outcome : all) EXPECT_EQ(outcome.get().status, "succeeded");
  EXPECT_EQ(most, limits::kNativeThreadsMax);
}

TEST_F(NativeRunnerTest, StopReachesTheAction) {
  StopSource source;
  std::promise<void> entered;
  add("demo.sleep", [&](const NativeCall& call) -> Result<NativeAnswer> {
    entered.set_value();
    std::promise<void> stopped;
    call.stop.on_stop([&] { stopped.set_value(); });
    stopped.get_future().wait();
    return fail(ErrorCode::kCanceled, "stopped");
  });
  auto outcome = start(*runner_, request("demo.sleep"), source.token());
  entered.get_future().wait();
  source.stop();
  EXPECT_EQ(outcome.get().status, "canceled");
  EXPECT_EQ(run(*runner_, request("demo.sleep"), source.token()).status, "canceled");
}

TEST_F(NativeRunnerTest, RegistryOfRunners) {
  RunnerRegistry registry;
  registry.add("noop", make_noop_runner(executor_));
  registry.add_alias("nothing", "noop");
  EXPECT_EQ(registry.find("nosuch"), nullptr);
  EXPECT_EQ(registry.find("nothing"), registry.find("noop"));
  EXPECT_THAT(registry.names(), testing::ElementsAre("noop", "nothing"));
  const ActionOutcome outcome = run(*registry.find("noop"), {});
  EXPECT_EQ(outcome.status, "succeeded");
  EXPECT_EQ(outcome.result, json(R"({"failed": false, "succeeded": true, "return_code": 0})"));
}

}  // namespace
}  // namespace squall::runners
