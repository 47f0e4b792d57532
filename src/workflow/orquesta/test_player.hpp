// For tests only: plays a driver. Feeds events to a run, keeps the journal, and replays it.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/regex.hpp"
#include "value/json.hpp"
#include "value/python.hpp"
#include "value/schema.hpp"
#include "workflow/orquesta/orquesta.hpp"
#include "workflow/workflow.hpp"

namespace squall::workflow::orquesta {

// st2kv() of an empty datastore.
inline Environment empty_datastore() {
  const auto body = [](const List& arguments) -> Result<Value> {
    if (!arguments[2].is_null()) return arguments[2];
    return fail(Error(ErrorCode::kNotFound,
                      "The key \"" + python::str(arguments[0]) + "\" does not exist in the StackStorm datastore.")
                    .with_type("ExpressionEvaluationException"));
  };
  Environment environment;
  environment.functions.push_back(std::make_shared<expr::HostFunction>(
      "st2kv",
      std::vector<expr::HostParameter>{
          {"key", true, Value()}, {"decrypt", false, Value(false)}, {"default", false, Value()}},
      body));
  return environment;
}

class Player {
 public:
  explicit Player(std::shared_ptr<const Workflow> workflow, Environment environment = empty_datastore())
      : workflow_(std::move(workflow)), environment_(std::move(environment)), run_(make_run(workflow_, environment_)) {}

  WorkflowRun& run() { return *run_; }
  const WorkflowRun& run() const { return *run_; }
  // Commands of the last event that was not refused.
  const std::vector<Command>& commands() const { return commands_; }
  std::vector<RunAction> actions() const {
    std::vector<RunAction> actions;
    for (const Command& command : commands_) {
      if (const auto* action = std::get_if<RunAction>(&command)) actions.push_back(*action);
    }
    return actions;
  }
  const Finish* finish() const {
    for (const Command& command : commands_) {
      if (const auto* finish = std::get_if<Finish>(&command)) return finish;
    }
    return nullptr;
  }

  ::squall::Status send(Event::What what, bool more = false) {
    Event event;
    event.what = std::move(what);
    event.at = *parse_timestamp("2026-01-31T12:00:00.000000Z") + std::chrono::milliseconds(journal_.size());
    event.seed = 7919 * (journal_.size() + 1);
    event.more = more;
    SQ_TRY(Applied applied, run_->apply(event));
    commands_ = std::move(applied.commands);
    event.answers = std::move(applied.answers);
    journal_.push_back(to_json(event.to_value()));
    told_.push_back(shown(commands_));
    return {};
  }

  // A new run from the journal alone, as after a crash. False (and a failed test) when it is not the same.
  bool replays() const {
    auto again = make_run(workflow_, asks_nobody());
    for (size_t i = 0; i < journal_.size(); ++i) {
      auto applied = again->apply(event_of(journal_[i]));
      if (!applied) {
        ADD_FAILURE() << "replay of " << journal_[i] << ": " << applied.error().to_string();
        return false;
      }
      if (shown(applied->commands) != told_[i]) {
        ADD_FAILURE() << "other commands on replay of " << journal_[i];
        return false;
      }
    }
    EXPECT_EQ(again->open_actions(), run_->open_actions());
    EXPECT_EQ(again->hash(), run_->hash());
    return again->hash() == run_->hash();
  }

  // Goes on with a run that was made from the journal.
  void crash() {
    run_ = make_run(workflow_, environment_);
    for (const std::string& row : journal_) {
      const auto applied = run_->apply(event_of(row));
      EXPECT_TRUE(applied) << row << ": " << applied.error().to_string();
    }
  }

  const std::vector<std::string>& journal() const { return journal_; }

 private:
  static Event event_of(const std::string& row) {
    const auto parsed = parse_json(row);
    EXPECT_TRUE(parsed) << row;
    auto event = Event::from_value(*parsed);
    EXPECT_TRUE(event) << row;
    return *event;
  }

  static std::string shown(const std::vector<Command>& commands) {
    std::string text;
    for (const Command& command : commands) text += to_json(to_value(command)) + "\n";
    return text;
  }

  // The same functions, none of which may be asked.
  Environment asks_nobody() const {
    Environment environment;
    for (const auto& function : environment_.functions) {
      const auto body = [](const List&) -> Result<Value> {
        ADD_FAILURE() << "a replay asked the host";
        return Value();
      };
      environment.functions.push_back(
          std::make_shared<expr::HostFunction>(function->name(), function->parameters(), body));
    }
    return environment;
  }

  std::shared_ptr<const Workflow> workflow_;
  Environment environment_;
  std::unique_ptr<WorkflowRun> run_;
  std::vector<Command> commands_;
  std::vector<std::string> journal_;
  std::vector<std::string> told_;
};

// For inspection, as the program does at its start.
inline void use_patterns() {
  schema::set_pattern_matcher([](std::string_view pattern, std::string_view text) {
    const auto regex = Regex::compile_cached(pattern);
    if (!regex) return false;
    const auto match = regex->search(text);
    return match && match->has_value();
  });
}

inline std::shared_ptr<const Workflow> workflow_of(std::string_view text) {
  auto spec = WorkflowSpec::parse(text);
  EXPECT_TRUE(spec) << spec.error().to_string();
  return spec ? std::make_shared<const Workflow>(*std::move(spec)) : nullptr;
}

}  // namespace squall::workflow::orquesta
