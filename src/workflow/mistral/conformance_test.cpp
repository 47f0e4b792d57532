// What the real engine did with 373 documents (shared/conformance/mistral.json), done again: their validation, and
// every run with its scripted actions, its requests from outside and its virtual time. Every run is replayed from its
// journal.
#include "value/conformance.hpp"

#include <algorithm>
#include <deque>

#include "text/regex.hpp"
#include "workflow/mistral/run.hpp"

namespace squall::workflow::mistral {
namespace {

DocumentKind kind_of(std::string_view name) {
  if (name == "workbook") return DocumentKind::kWorkbook;
  return name == "actions" ? DocumentKind::kActions : DocumentKind::kWorkflows;
}

std::string first_line(const Value& text) {
  const std::string shown = text.is_null() ? "" : python::str(text);
  return shown.substr(0, shown.find('\n'));
}

// Ids and times as the recording writes them.
Value masked(const Value& value) {
  static const auto kUuid = Regex::compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
  if (value.is_string()) {
    const auto replaced = kUuid->substitute(value.as_string(), "<uuid>");
    return replaced ? Value(replaced->first) : value;
  }
  if (value.is_list()) {
    List items;
    for (const Value& item : value.as_list()) items.push_back(masked(item));
    return Value(std::move(items));
  }
  if (!value.is_dict()) return value;
  Dict members;
  for (const auto& [key, member] : value.as_dict()) members.set(key, masked(member));
  return Value(std::move(members));
}

// 1 is not 1.0, but the order of a dict does not matter.
bool same_data(const Value& a, const Value& b) {
  if (a.kind() != b.kind() || a.size() != b.size()) return a.is_int() && b.is_int() && a == b;
  if (a.is_dict()) {
    return std::all_of(a.as_dict().begin(), a.as_dict().end(), [&](const auto& entry) {
      return b.contains(entry.key) && same_data(entry.value, b[entry.key]);
    });
  }
  if (a.is_list()) {
    for (size_t i = 0; i < a.size(); ++i) {
      if (!same_data(a[i], b[i])) return false;
    }
    return true;
  }
  return a == b;
}

class Replayed {
 public:
  Replayed(std::shared_ptr<const Library> library, const std::string& workflow)
      : run_(make_run(library, workflow)), again_(make_run(library, workflow)) {}

  bool exists() const { return run_.has_value(); }
  const Error& error() const { return run_.error(); }
  WorkflowRun& run() { return **run_; }

  // Applies an event, and its journal row to a second run, which must come to the same state.
  Result<Applied> apply(Event::What what, Timestamp at) {
    Event event;
    event.what = std::move(what);
    event.at = at;
    event.seed = ++seed_;
    auto applied = (*run_)->apply(event);
    if (!applied) return applied;
    event.answers = applied->answers;
    const auto row = parse_json(to_json(event.to_value()));
    EXPECT_TRUE(row);
    const auto read = Event::from_value(*row);
    EXPECT_TRUE(read) << (read ? "" : read.error().message());
    const auto repeated = (*again_)->apply(*read);
    EXPECT_TRUE(repeated);
    hashes_equal_ = hashes_equal_ && (*run_)->hash() == (*again_)->hash();
    return applied;
  }
  bool hashes_equal() const { return hashes_equal_; }

 private:
  Result<std::unique_ptr<WorkflowRun>> run_, again_;
  uint64_t seed_ = 0;
  bool hashes_equal_ = true;
};

class Player {
 public:
  explicit Player(const Value& vector) : vector_(vector) {}

  // Empty when all was as recorded.
  std::string play(conformance::Report& report) {
    auto library = std::make_shared<Library>();
    if (vector_["documents"].is_list()) {
      for (const Value& document : vector_["documents"].as_list()) {
        if (const Status status = upload(*library, document); !status) return "upload: " + status.error().message();
      }
    }
    if (const Status status = library->upload(kind_of(vector_["kind"].string()), vector_["definition"].string());
        !status) {
      return "upload: " + status.error().message();
    }
    replayed_.emplace(std::move(library), vector_["workflow"].string());
    if (!replayed_->exists()) return replayed_->error().message();
    const Value& expected = vector_["expect"];
    const Status started = apply(start_event());
    if (expected.contains("start_error")) {
      if (started) return "wanted " + expected["start_error"]["message"].string() + "; came a start";
      report.message(vector_, first_line(expected["start_error"]["message"]), first_line(started.error().message()));
      const std::string wanted = expected["start_error"]["type"].string();
      return started.error().type() == wanted ? ""
                                              : "wanted " + wanted + "; came " + conformance::show(started.error());
    }
    if (!started) return "start: " + started.error().message();
    settle();
    size_t step = 0;
    if (vector_["steps"].is_list()) {
      for (const Value& operation : vector_["steps"].as_list()) {
        check_point(expected["checkpoints"][step++]);
        const Status done = operate(operation);
        if (!done && !expected["checkpoints"][step - 1].contains("step_error")) {
          differ("step " + std::to_string(step), done.error().message(), "no error");
        }
        settle();
      }
    }
    compare(expected, masked(replayed_->run().document()), "", report);
    const Value wanted_calls = expected.contains("calls") ? expected["calls"] : Value::empty_dict();
    if (!same_data(wanted_calls, calls_)) differ("calls", to_json(calls_), to_json(wanted_calls));
    if (!replayed_->hashes_equal()) differ("replay", "another state", "the same state");
    return differences_;
  }

 private:
  static Status upload(Library& library, const Value& document) {
    if (document["kind"].string() != "environment") {
      return library.upload(kind_of(document["kind"].string()), document["definition"].string());
    }
    const auto environment = parse_json(document["definition"].string());
    if (!environment) return fail(environment.error());
    library.set_environment((*environment)["name"].string(), (*environment)["variables"]);
    return {};
  }

  Event::What start_event() const {
    Value params = vector_["params"].is_dict() ? vector_["params"] : Value::empty_dict();
    if (vector_.contains("env_name")) {
      params.set("env", vector_["env_name"]);
    } else if (!vector_["env"].empty()) {
      params.set("env", vector_["env"]);
    }
    return Start{vector_["input"], Value::dict({{"params", params}})};
  }

  Status apply(Event::What what) {
    auto applied = replayed_->apply(std::move(what), now_);
    if (!applied) return fail(applied.error());
    for (const Command& command : applied->commands) {
      if (const auto* run = std::get_if<RunAction>(&command)) {
        if (run->action == "std.async_noop") {
          open_.emplace_back(run->task, run->number);
        } else {
          pending_.push_back(*run);
        }
      } else if (const auto* timer = std::get_if<StartTimer>(&command)) {
        timers_.emplace_back(now_ + std::chrono::milliseconds(timer->delay_ms), timer->number);
      }
    }
    return {};
  }

  // Until nothing happens any more, or not within the time that the recording waited.
  void settle() {
    const Timestamp patience = now_ + std::chrono::seconds(10);
    for (int steps = 0; steps < 10'000; ++steps) {
      if (!pending_.empty()) {
        const RunAction action = pending_.front();
        pending_.pop_front();
        perform(action);
        continue;
      }
      const auto next = std::min_element(timers_.begin(), timers_.end());
      if (next == timers_.end() || next->first > patience) return;
      now_ = std::max(now_, next->first);
      const int64_t number = next->second;
      timers_.erase(next);
      EXPECT_TRUE(apply(TimerDue{number}));
    }
    differ("settling", "no end", "quiet");
  }

  void perform(const RunAction& action) {
    if (action.action != "conf.script") {
      EXPECT_TRUE(
          apply(ActionRefused{action.number, "Failed to find action [action_name=" + action.action + ", namespace=]"}));
      return;
    }
    if (!action.input.contains("key")) {
      EXPECT_TRUE(apply(ActionRefused{
          action.number, "Invalid input [name=conf.script, class=__main__.ScriptAction, missing=['key']]"}));
      return;
    }
    const std::string key = python::str(action.input["key"]);
    const int64_t call = calls_[key].int_or(0);
    calls_.set(key, Value(call + 1));
    const Value& script = vector_["script"][key];
    if (script.empty()) {
      EXPECT_TRUE(apply(ActionChanged{action.number, "succeeded", action.input["data"]}));
      return;
    }
    const Value& outcome = script[std::min(static_cast<size_t>(call), script.size() - 1)];
    if (outcome.contains("success")) {
      EXPECT_TRUE(apply(ActionChanged{action.number, "succeeded", outcome["success"]}));
    } else if (outcome.contains("error")) {
      EXPECT_TRUE(apply(ActionChanged{action.number, "failed", outcome["error"]}));
    } else {
      EXPECT_TRUE(
          apply(ActionChanged{action.number, "failed",
                              Value("The action raised an exception [action=<__main__.ScriptAction object at <addr>>, "
                                    "action_ex_id=<uuid>, msg='" +
                                    outcome["raise"].string() + "']")}));
    }
  }

  Status operate(const Value& operation) {
    const std::string op = operation["op"].string();
    if (op == "resume") return apply(ResumeRequest{operation["env"]});
    if (op == "pause") return apply(PauseRequest{});
    if (op == "stop") {
      const std::string state = operation["state"].string();
      return apply(CancelRequest{state == "CANCELLED" ? "canceled"
                                 : state == "ERROR"   ? "failed"
                                                      : "succeeded",
                                 operation["message"]});
    }
    if (op == "rerun" || op == "skip") {
      RerunTask task;
      task.task = operation["task"].string();
      task.reset_items = operation["reset"].bool_or(true);
      task.skip = op == "skip";
      RerunRequest request;
      request.tasks.push_back(task);
      request.env = operation["env"];
      return apply(std::move(request));
    }
    int64_t index = operation["index"].int_or(0);
    for (auto action = open_.begin(); action != open_.end(); ++action) {
      if (action->first != operation["task"].string() || index-- > 0) continue;
      const int64_t number = action->second;
      open_.erase(action);
      if (operation.contains("success")) return apply(ActionChanged{number, "succeeded", operation["success"]});
      if (operation.contains("error")) return apply(ActionChanged{number, "failed", operation["error"]});
      return apply(ActionChanged{number, "canceled", Value()});
    }
    return fail(ErrorCode::kNotFound, "no unfinished action of " + operation["task"].string());
  }

  // Tasks by name, then by creation, as recorded.
  static List sorted_tasks(const Value& document) {
    List tasks = document["tasks"].as_list();
    std::stable_sort(tasks.begin(), tasks.end(),
                     [](const Value& a, const Value& b) { return a["name"].as_string() < b["name"].as_string(); });
    return tasks;
  }

  void check_point(const Value& expected) {
    const Value document = replayed_->run().document();
    if (document["state"] != expected["state"]) {
      differ("checkpoint", document["state"].string(), expected["state"].string());
    }
    std::string came, wanted;
    for (const Value& task : sorted_tasks(document)) came += task["name"].string() + "=" + task["state"].string() + " ";
    for (const Value& task : expected["tasks"].as_list()) {
      wanted += task["name"].string() + "=" + task["state"].string() + " ";
    }
    if (came != wanted) differ("checkpoint", came, wanted);
  }

  void compare(const Value& expected, const Value& document, const std::string& where, conformance::Report& report) {
    if (document["state"] != expected["state"]) {
      differ(where + "state", document["state"].string() + " (" + first_line(document["state_info"]) + ")",
             expected["state"].string());
    }
    compare_words(expected["state_info"], document["state_info"], where + "state_info", report);
    Value came_output = document["output"];
    Value wanted_output = expected["output"];
    if (expected["state"] == Value("ERROR")) {
      // The state info again: Python's words.
      if (came_output.contains("result") != wanted_output.contains("result")) {
        differ(where + "output", to_json(came_output), to_json(wanted_output));
      }
      came_output.erase("result");
      wanted_output.erase("result");
    }
    if (!same_data(came_output, wanted_output)) {
      differ(where + "output", to_json(came_output), to_json(wanted_output));
    }
    if (where.empty()) {
      const Value wanted = expected.contains("published_global") ? expected["published_global"] : Value::empty_dict();
      if (!same_data(document["published_global"], wanted)) {
        differ("published_global", to_json(document["published_global"]), to_json(wanted));
      }
    }
    const List tasks = sorted_tasks(document);
    if (tasks.size() != expected["tasks"].size()) {
      differ(where + "tasks", names(tasks), names(expected["tasks"].as_list()));
      return;
    }
    for (size_t i = 0; i < tasks.size(); ++i) compare_task(expected["tasks"][i], tasks[i], where, report);
  }

  void compare_task(const Value& expected, const Value& task, const std::string& where, conformance::Report& report) {
    const std::string name = where + task["name"].string() + ".";
    for (const std::string_view field : {"name", "state", "type", "published", "result", "executions"}) {
      if (field == "result" && is_failed_workflow(expected)) continue;
      if (!same_data(task[field], expected[field])) {
        differ(name + std::string(field), to_json(task[field]), to_json(expected[field]));
      }
    }
    compare_words(expected["state_info"], task["state_info"], name + "state_info", report);
    if (task["sub_workflows"].size() != expected["sub_workflows"].size()) {
      differ(name + "sub_workflows", std::to_string(task["sub_workflows"].size()),
             std::to_string(expected["sub_workflows"].size()));
      return;
    }
    for (size_t i = 0; i < expected["sub_workflows"].size(); ++i) {
      const Value& wanted = expected["sub_workflows"][i];
      const Value& came = task["sub_workflows"][i];
      if (!same_data(came["input"], wanted["input"])) {
        differ(name + "input", to_json(came["input"]), to_json(wanted["input"]));
      }
      if (came["name"] != wanted["name"]) differ(name + "workflow", came["name"].string(), wanted["name"].string());
      compare(wanted, came, name, report);
    }
  }

  // The result is the outputs of the sub-workflows, which compare() looks at one by one.
  static bool is_failed_workflow(const Value& task) {
    return task["type"] == Value("WORKFLOW") && task["state"] == Value("ERROR");
  }

  void compare_words(const Value& wanted, const Value& came, const std::string& where, conformance::Report& report) {
    if (wanted.is_null() != came.is_null()) {
      differ(where, first_line(came), wanted.is_null() ? "null" : first_line(wanted));
    } else if (!wanted.is_null()) {
      report.message(vector_, std::string(trim(first_line(wanted))), std::string(trim(first_line(came))));
    }
  }

  static std::string names(const List& tasks) {
    std::string all;
    for (const Value& task : tasks) all += task["name"].string() + "=" + task["state"].string() + " ";
    return all;
  }

  void differ(const std::string& where, const std::string& came, const std::string& wanted) {
    differences_ += "\n    " + where + ": came " + came + ", wanted " + wanted;
  }

  const Value& vector_;
  std::optional<Replayed> replayed_;
  std::deque<RunAction> pending_;
  std::vector<std::pair<std::string, int64_t>> open_;
  std::vector<std::pair<Timestamp, int64_t>> timers_;
  Timestamp now_{std::chrono::seconds(1'800'000'000)};
  Value calls_ = Value::empty_dict();
  std::string differences_;
};

TEST(MistralConformance, DocumentsAndRunsAsByTheRealEngine) {
  SQ_LOAD_TOPIC(topic, "mistral");
  conformance::Report report("mistral", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    const Value& expected = vector["expect"];
    Library library;
    const Status status = library.upload(kind_of(vector["kind"].string()), vector["definition"].string());
    const std::string came = status ? "valid" : conformance::show(status.error());
    if (!expected["valid"].bool_or(false)) {
      const Value& error = expected["validation_error"];
      report.record(vector, !status && status.error().type() == error["type"].string(),
                    "wanted " + error["type"].string() + ": " + error["message"].string() + "; came " + came);
      if (!status) report.message(vector, error["message"].string(), first_line(status.error().message()));
      continue;
    }
    if (!status) {
      report.record(vector, false, "wanted valid; came " + came);
      continue;
    }
    if (!expected.contains("state") && !expected.contains("start_error")) {
      report.record(vector, true, "");
      continue;
    }
    Player player(vector);
    const std::string differences = player.play(report);
    report.record(vector, differences.empty(), differences);
  }
  report.finish();
}

}  // namespace
}  // namespace squall::workflow::mistral
