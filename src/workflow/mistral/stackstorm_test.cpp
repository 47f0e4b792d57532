#include "workflow/mistral/stackstorm.hpp"

#include <gtest/gtest.h>

#include "workflow/mistral/run.hpp"

namespace squall::workflow::mistral {
namespace {

StackStormAction action_of(std::string text) {
  StackStormAction action;
  action.ref = "p.flow";
  action.text = std::move(text);
  action.file = "flow.yaml";
  action.find_action = [](std::string_view ref) -> std::optional<ActionParameters> {
    if (ref != "core.local") return std::nullopt;
    return ActionParameters{{"cmd", "timeout"}, {"cmd"}};
  };
  return action;
}

std::string message_of(const StackStormAction& action) {
  const auto prepared = prepare(action);
  return prepared ? "" : prepared.error().type() + ": " + prepared.error().message();
}

TEST(MistralStackStorm, OneWorkflowOfTheActionsName) {
  const auto prepared = prepare(action_of("version: '2.0'\np.flow: {tasks: {t: {action: core.local cmd=date}}}\n"));
  ASSERT_FALSE(prepared);  // "cmd=date" is no inline parameter, so cmd is missing
  EXPECT_EQ(prepared.error().message(), "Missing required parameters in \"t\" for action \"core.local\": \"cmd\"");
  EXPECT_EQ(message_of(action_of("version: '2.0'\np.flow: {tasks: {t: {action: 'core.local cmd=\"date\"'}}}\n")), "");
  EXPECT_NE(message_of(action_of("version: '2.0'\nother: {tasks: {t: {action: std.noop}}}\n"))
                .find("must be the same as the fully qualified action name \"p.flow\""),
            std::string::npos);
  EXPECT_NE(message_of(action_of("version: '2.0'\np.flow: {tasks: {t: {action: core.local, input: {cmd: a, x: 1}}}}\n"))
                .find("Unexpected parameters in \"t\" for action \"core.local\": \"x\""),
            std::string::npos);
  EXPECT_NE(message_of(action_of("version: '2.0'\np.flow: {tasks: {t: {action: st2.callback}}}\n"))
                .find("WorkflowDefinitionException"),
            std::string::npos);
}

TEST(MistralStackStorm, AWorkbookNamesItsDefaultWorkflow) {
  StackStormAction action = action_of(R"(
version: '2.0'
name: p.flow
workflows:
  main: {tasks: {t: {workflow: helper}}}
  helper: {tasks: {t: {action: std.noop}}}
)");
  EXPECT_NE(message_of(action).find("Default workflow cannot be determined."), std::string::npos);
  action.workflow = "p.flow.main";
  const auto prepared = prepare(action);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->workflow, "p.flow.main");
}

TEST(MistralStackStorm, OtherWorkflowsAreFetchedAndTheLongFormIsUnderstood) {
  StackStormAction action = action_of("version: '2.0'\np.flow: {tasks: {c: {workflow: p.inner}}}\n");
  action.find_workflow = [](std::string_view name) -> std::optional<std::string> {
    if (name != "p.inner") return std::nullopt;
    return "version: '2.0'\np.inner:\n  tasks:\n    s: {action: st2.action, input: {ref: core.local, parameters: {cmd: "
           "id}}}\n";
  };
  const auto prepared = prepare(action);
  ASSERT_TRUE(prepared);
  auto run = *make_run(prepared->library, prepared->workflow);
  Event start;
  start.what =
      Start{Value::empty_dict(),
            Value::dict({{"params", Value::dict({{"env", stackstorm_environment("e1", "l1", "http://h/v1")}})}})};
  auto applied = run->apply(start);
  ASSERT_TRUE(applied);
  const RunAction* asked = nullptr;
  for (const Command& command : applied->commands) {
    if (const auto* each = std::get_if<RunAction>(&command)) asked = each;
  }
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(asked->action, "core.local");
  EXPECT_EQ(asked->input, Value::dict({{"cmd", "id"}}));
  Event end;
  end.what = ActionChanged{asked->number, "succeeded", Value::dict({{"stdout", "x"}})};
  ASSERT_TRUE(run->apply(end));
  const Value result = stackstorm_result(run->document());
  EXPECT_EQ(result["extra"]["state"], Value("SUCCESS"));
  EXPECT_EQ(result["tasks"][0]["name"], Value("c"));
}

}  // namespace
}  // namespace squall::workflow::mistral
