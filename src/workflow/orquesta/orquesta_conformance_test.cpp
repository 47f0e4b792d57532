// What orquesta 1.6 did with workflows of StackStorm, case by case: the rules are those of the README beside the data.
// The texts are others' and never in this repository; a lone clone leaves these tests out and says so.
#include <algorithm>
#include <filesystem>

#include "value/conformance.hpp"
#include "workflow/orquesta/inspect.hpp"
#include "workflow/orquesta/test_player.hpp"

namespace squall::workflow::orquesta {
namespace {

// Files of a folder by name, or nothing when there is no such folder.
std::optional<std::map<std::string, Value>> load_folder(const std::string& name) {
  std::vector<std::string> roots;
  if (const char* folder = std::getenv("SQUALL_CONFORMANCE")) roots.emplace_back(folder);
  roots.emplace_back(SQUALL_SOURCE_DIR "/../shared/conformance");
  for (const std::string& root : roots) {
    const std::filesystem::path folder = std::filesystem::path(root) / name;
    if (!std::filesystem::is_directory(folder)) continue;
    std::map<std::string, Value> files;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      if (file.path().extension() != ".json") continue;
      auto document = parse_json(*read_file(file.path().string()), JsonDialect::kPython);
      EXPECT_TRUE(document) << file.path();
      if (document) files.emplace(file.path().stem().string(), *std::move(document));
    }
    return files;
  }
  return std::nullopt;
}

#define SQ_LOAD_FOLDER(variable, name)                                                          \
  const auto variable##_loaded = load_folder(name);                                             \
  if (!variable##_loaded) {                                                                     \
    if (std::getenv("CI") != nullptr) FAIL() << "no conformance folder " << (name);             \
    GTEST_SKIP() << "no conformance folder " << (name) << "; left out, set SQUALL_CONFORMANCE"; \
  }                                                                                             \
  const std::map<std::string, Value>& variable = *variable##_loaded

// Equal with kinds, but dicts in any order: the files have theirs sorted.
bool same_data(const Value& a, const Value& b) {
  if (a.is_dict() && b.is_dict()) {
    if (a.size() != b.size()) return false;
    return std::all_of(a.as_dict().begin(), a.as_dict().end(), [&](const Dict::Entry& entry) {
      return b.contains(entry.key) && same_data(entry.value, b[entry.key]);
    });
  }
  if (a.is_list() && b.is_list()) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (!same_data(a[i], b[i])) return false;
    }
    return true;
  }
  return conformance::same(a, b);
}

// What is no JSON as the files have it.
Value as_recorded(const Value& value) {
  if (value.is_list() || value.kind() == Kind::kTuple) {
    List items;
    for (const Value& item : value.as_list()) items.push_back(as_recorded(item));
    return Value(std::move(items));
  }
  if (value.is_dict()) {
    Value dict = Value::empty_dict();
    for (const auto& [key, member] : value.as_dict()) dict.set(key, as_recorded(member));
    return dict;
  }
  if (value.is_json_kind()) return value;
  return Value::dict({{"$pytype", value.type_name()}, {"str", python::str(value)}});
}

std::string difference(const char* what, const Value& wanted, const Value& came) {
  return same_data(wanted, came) ? ""
                                 : std::string(what) + ": wanted " + to_json(wanted) + "; came " + to_json(came) + "\n";
}

const Value& parent_context() {
  static const Value kContext = *parse_json(
      R"({"st2": {"action_execution_id": "ac1", "api_url": "http://127.0.0.1/api", "user": "stanley", "pack": "p",
          "action": "p.a", "runner": "orquesta", "workflow_execution_id": "wf1"}, "parent": {}})");
  return kContext;
}

// --- orquesta/

// The files have the members of results sorted; where a workflow shows a whole result as text, the order in which they
// were recorded matters.
Value in_recorded_order(const Value& value) {
  constexpr std::string_view kOrder[] = {"stdout", "stderr",   "return_code",   "succeeded", "failed", "result",
                                         "output", "response", "context_value", "vm_id",     "ip"};
  if (!value.is_dict()) return value;
  Value ordered = Value::empty_dict();
  for (const std::string_view key : kOrder) {
    if (value.contains(key)) ordered.set(key, in_recorded_order(value[key]));
  }
  for (const auto& [key, member] : value.as_dict()) {
    if (!ordered.contains(key)) ordered.set(key, in_recorded_order(member));
  }
  return ordered;
}

class Results {
 public:
  explicit Results(Value results) : results_(std::move(results)) {}

  Value take(const RunAction& action) {
    if (action.action.empty()) return succeeded();
    const std::string place = action.task + "__r" + std::to_string(action.route);
    for (const std::string& key : {place, action.task}) {
      if (const auto taken = take_first(key, action)) return *taken;
    }
    for (const std::string& key : {place + "*", action.task + "*", std::string("*")}) {
      if (results_.contains(key)) return in_recorded_order(results_[key]);
    }
    return succeeded();
  }
  int64_t number(std::string_view key) const { return results_[key].int_or(-1); }
  bool has(std::string_view key) const { return results_[key].truthy(); }

 private:
  static Value succeeded() { return Value::dict({{"status", "succeeded"}, {"result", Value()}}); }

  std::optional<Value> take_first(const std::string& key, const RunAction& action) {
    if (!results_[key].is_list()) return std::nullopt;
    List left = results_[key].as_list();
    for (size_t i = 0; i < left.size(); ++i) {
      const Value& item = left[i]["item_id"];
      if (!item.is_null() && (!action.item || item != Value(*action.item))) continue;
      const Value taken = in_recorded_order(left[i]);
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
      results_.set(key, Value(std::move(left)));
      return taken;
    }
    return std::nullopt;
  }

  Value results_;
};

class Recorded {
 public:
  Recorded(std::shared_ptr<const Workflow> workflow, const Value& test)
      : player_(std::move(workflow)),
        results_(test["results"]),
        order_(test["order"].string()),
        random_(static_cast<uint32_t>(test["seed"].int_or(0))) {}

  void play(const Value& inputs) {
    EXPECT_TRUE(player_.send(Start{inputs, parent_context()}));
    start_actions();
    for (;;) {
      while (!in_flight_.empty()) complete_one();
      if (!results_.has("@resume_after") || resumed_ || player_.run().status() != "paused") break;
      resumed_ = true;
      ask("running", ResumeRequest{});
      start_actions();
    }
  }

  // What differs from the record; empty when nothing does.
  std::string compare(const Value& expect) const {
    const WorkflowRun& run = player_.run();
    std::string text = difference("tasks", expect["tasks"], Value(tasks_));
    text += difference("state", expect["state"], Value(run.status()));
    text += difference("output", expect["output"], as_recorded(run.output()));
    text += difference("errors", expect["errors"], as_recorded(run.errors()));
    text += difference("log", expect["log"], Value(log_));
    return text;
  }
  bool replays() const { return player_.replays(); }

 private:
  struct InFlight {
    RunAction action;
    size_t task;  // in tasks_
  };

  void start_actions() {
    for (const RunAction& action : player_.actions()) {
      Value shown = Value::dict({{"task", action.task},
                                 {"route", action.route},
                                 {"action", action.action.empty() ? Value() : Value(action.action)},
                                 {"input", as_recorded(action.input)}});
      if (action.item) shown.set("item_id", *action.item);
      constexpr int64_t kMillis = 1000;
      if (action.delay_ms != 0) shown.set("delay", action.delay_ms / kMillis);
      tasks_.push_back(std::move(shown));
      in_flight_.push_back({action, tasks_.size() - 1});
    }
  }

  size_t pick() {
    if (order_ == "fifo") return 0;
    if (order_ == "lifo") return in_flight_.size() - 1;
    random_ = static_cast<uint32_t>((uint64_t{random_} * 1103515245 + 12345) % (uint64_t{1} << 31));
    return (random_ >> 16) % in_flight_.size();
  }

  void complete_one() {
    const size_t index = pick();
    const InFlight ended = in_flight_[index];
    in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(index));
    const Value result = results_.take(ended.action);
    const std::string status = result["status"].string();
    tasks_[ended.task].set("status", status);
    ++completed_;
    const bool pause = completed_ == results_.number("@pause_after");
    const bool cancel = completed_ == results_.number("@cancel_after");
    EXPECT_TRUE(player_.send(ActionChanged{ended.action.number, status, result["result"]}, pause || cancel));
    if (pause) ask("paused", PauseRequest{});
    if (cancel) ask("canceled", CancelRequest{});
    start_actions();
  }

  void ask(const std::string& status, Event::What what) {
    const auto sent = player_.send(std::move(what));
    if (sent) return;
    log_.push_back("request " + status + ": " + sent.error().type() + ": " + sent.error().message());
    EXPECT_TRUE(player_.send(Proceed{}));
  }

  Player player_;
  Results results_;
  std::string order_;
  uint32_t random_;
  bool resumed_ = false;
  int64_t completed_ = 0;
  std::vector<InFlight> in_flight_;
  List tasks_;
  List log_;
};

// A delay of 0 and none at all are the same wait.
Value without_zero_delays(const Value& expect) {
  Value tasks = Value::empty_list();
  for (const Value& task : expect["tasks"].as_list()) {
    Value shown = task;
    if (shown["delay"] == Value(0)) shown.erase("delay");
    tasks.push_back(std::move(shown));
  }
  Value cleaned = expect;
  cleaned.set("tasks", std::move(tasks));
  return cleaned;
}

std::string play_case(const std::string& text, const Value& test) {
  const Value& expect = test["expect"];
  auto spec = WorkflowSpec::parse(text);
  if (!spec) {
    const std::string& message = spec.error().message();
    const std::string wanted = expect["instantiate_error"].string();
    return !wanted.empty() && wanted.find(spec.error().type()) != std::string::npos ? "" : "refused: " + message;
  }
  if (expect.contains("instantiate_error")) return "not refused: " + expect["instantiate_error"].string();
  const Inspection found = inspect(*spec, {"st2", "parent"});
  std::string text_of_difference = difference("inspect", expect["inspect"], found.to_value());
  if (!found.ok() || !text_of_difference.empty()) return text_of_difference;
  Recorded recorded(std::make_shared<const Workflow>(*std::move(spec)), test);
  recorded.play(test["inputs"]);
  text_of_difference = recorded.compare(without_zero_delays(expect));
  if (!recorded.replays()) text_of_difference += "the journal does not replay";
  return text_of_difference;
}

TEST(OrquestaConformance, Workflows) {
  SQ_LOAD_FOLDER(files, "orquesta");
  use_patterns();
  List vectors;
  for (const auto& [name, file] : files) {
    for (const Value& test : file["cases"].as_list()) {
      vectors.push_back(Value::dict({{"id", name + "/" + test["name"].string()}, {"group", name}}));
    }
  }
  conformance::Report report("orquesta", Value::dict({{"vectors", Value(vectors)}}));
  size_t at = 0;
  for (const auto& [name, file] : files) {
    for (const Value& test : file["cases"].as_list()) {
      const std::string differs = play_case(file["workflow"].string(), test);
      report.record(vectors[at++], differs.empty(), differs);
    }
  }
  report.finish();
}

// --- orquesta-rehearsals/

// "task" stands for "task__r0".
Value with_routes(const Value& names) {
  List all;
  if (names.is_list()) {
    for (const Value& name : names.as_list()) {
      const std::string text = name.string();
      all.push_back(text.find("__r") == std::string::npos ? text + "__r0" : text);
    }
  }
  return Value(std::move(all));
}

class Rehearsal {
 public:
  Rehearsal(std::shared_ptr<const Workflow> workflow, const Value& spec)
      : player_(std::move(workflow)),
        mocks_(spec["mock_action_executions"].is_list() ? spec["mock_action_executions"].as_list() : List()) {
    for (const Value& mock : mocks_) left_.push_back(mock["num_iter"].int_or(1));
  }

  void play(const Value& spec) {
    if (spec.contains("workflow_state")) {
      EXPECT_TRUE(player_.send(Restore{spec["workflow_state"]}));
      RerunRequest request;
      if (spec["rerun_tasks"].is_list()) {
        for (const Value& task : spec["rerun_tasks"].as_list()) {
          request.tasks.push_back(
              {task["task_id"].string(), task["route"].int_or(0), task["reset_items"].truthy(), {}});
        }
      }
      const auto sent = player_.send(std::move(request));
      EXPECT_TRUE(sent) << sent.error().to_string();
    } else {
      EXPECT_TRUE(player_.send(Start{spec["inputs"], Value::empty_dict()}));
    }
    for (std::vector<RunAction> batch = player_.actions(); !batch.empty(); batch = player_.actions()) complete(batch);
  }

  std::string compare(const Value& spec) const {
    const Value document = player_.run().document();
    List sequence, terms;
    for (const Value& entry : document["state"]["sequence"].as_list()) {
      const std::string name = entry["id"].string() + "__r" + std::to_string(entry["route"].int_or(0));
      sequence.push_back(name);
      if (entry["term"].truthy()) terms.push_back(name);
    }
    const Value& wanted_status = spec["expected_workflow_status"];
    std::string text = difference("sequence", with_routes(spec["expected_task_sequence"]), Value(sequence));
    text += difference("status", wanted_status.is_null() ? Value("succeeded") : wanted_status,
                       Value(player_.run().status()));
    if (spec.contains("expected_routes"))
      text += difference("routes", spec["expected_routes"], document["state"]["routes"]);
    if (spec.contains("expected_output")) text += difference("output", spec["expected_output"], document["output"]);
    if (spec.contains("expected_errors")) text += difference("errors", spec["expected_errors"], document["errors"]);
    if (spec.contains("expected_term_tasks")) {
      text += difference("term", with_routes(spec["expected_term_tasks"]), Value(terms));
    }
    return text;
  }
  bool replays() const { return player_.replays(); }

 private:
  // All complete in order; only then the next ones are asked for.
  void complete(const std::vector<RunAction>& batch) {
    for (size_t i = 0; i < batch.size(); ++i) {
      const Value mock = mock_of(batch[i]);
      const std::string status = mock["status"].is_null() ? "succeeded" : mock["status"].string();
      const bool more = i + 1 < batch.size();
      EXPECT_TRUE(player_.send(ActionChanged{batch[i].number, status, mock["result"]}, more));
    }
  }

  Value mock_of(const RunAction& action) {
    int64_t sequence = 0;  // of the task's newest execution
    const Value entries = player_.run().document()["state"]["sequence"];
    for (size_t i = 0; i < entries.size(); ++i) {
      if (entries[i]["id"] == Value(action.task) && entries[i]["route"] == Value(action.route))
        sequence = static_cast<int64_t>(i);
    }
    for (size_t i = 0; i < mocks_.size(); ++i) {
      const Value& mock = mocks_[i];
      const auto fits = [&](const char* key, const Value& own) { return !mock.contains(key) || mock[key] == own; };
      if (left_[i] == 0 || !fits("task_id", Value(action.task)) || !fits("route", Value(action.route)) ||
          !fits("item_id", action.item ? Value(*action.item) : Value()) || !fits("seq_id", Value(sequence))) {
        continue;
      }
      --left_[i];
      return mock;
    }
    return Value();
  }

  Player player_;
  List mocks_;
  std::vector<int64_t> left_;
};

std::string play_rehearsal(const Value& spec) {
  auto parsed = spec.contains("workflow_state") ? WorkflowSpec::from_document(spec["workflow_state"]["spec"]["spec"])
                                                : WorkflowSpec::parse(spec["workflow_text"].string());
  if (!parsed) return "refused: " + parsed.error().to_string();
  const Inspection found = inspect(*parsed, {});
  const Value& wanted = spec["expected_inspection_errors"];
  const std::string differs = difference("inspect", wanted.is_null() ? Value::empty_dict() : wanted, found.to_value());
  if (!found.ok() || !differs.empty()) return differs;
  Rehearsal rehearsal(std::make_shared<const Workflow>(*std::move(parsed)), spec);
  rehearsal.play(spec);
  return rehearsal.compare(spec) + (rehearsal.replays() ? "" : "the journal does not replay");
}

TEST(OrquestaConformance, Rehearsals) {
  SQ_LOAD_FOLDER(files, "orquesta-rehearsals");
  use_patterns();
  List vectors;
  for (const auto& [name, file] : files) vectors.push_back(Value::dict({{"id", name}, {"group", "rehearsals"}}));
  conformance::Report report("orquesta_rehearsals", Value::dict({{"vectors", Value(vectors)}}));
  size_t at = 0;
  for (const auto& [name, file] : files) {
    const std::string differs = play_rehearsal(file["spec"]);
    report.record(vectors[at++], differs.empty(), differs);
  }
  report.finish();
}

}  // namespace
}  // namespace squall::workflow::orquesta
