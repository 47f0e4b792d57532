#include "cli/workflow_command.hpp"

#include <algorithm>
#include <deque>
#include <iostream>
#include <memory>
#include <optional>
#include <random>

#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/input.hpp"
#include "text/regex.hpp"
#include "value/json.hpp"
#include "value/schema.hpp"
#include "value/yaml.hpp"
#include "workflow/orquesta/draw.hpp"
#include "workflow/orquesta/inspect.hpp"
#include "workflow/orquesta/orquesta.hpp"

namespace squall::cli {

namespace {

namespace orquesta = workflow::orquesta;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

int usage(const std::string& message) {
  std::cerr << "squall: " << message << '\n';
  return kUsage;
}

// Of the schema that inspection checks documents against.
bool matches(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::compile_cached(pattern);
  if (!regex) return false;
  const auto match = regex->search(text);
  return match && match->has_value();
}

struct Document {
  YamlDocument yaml;
  orquesta::WorkflowSpec spec;
};

Result<Document> load(const std::string& path) {
  schema::set_pattern_matcher(matches);
  SQ_TRY(const std::string text, read_input(path));
  YamlOptions options;
  options.file = path == "-" ? "standard input" : path;
  options.unique_keys = true;
  Document document;
  SQ_TRY(document.yaml, parse_yaml_document(text, options));
  const Value& version = document.yaml.value["version"];
  if (version == Value("2.0") || version == Value(2.0)) {
    return fail(ErrorCode::kInvalid, options.file +
                                         ": a workflow of Mistral (version 2.0); this command knows those of "
                                         "Orquesta (version 1.0)");
  }
  auto spec = orquesta::WorkflowSpec::from_document(document.yaml.value);
  if (!spec) return fail(spec.error().with_context(options.file));
  document.spec = *std::move(spec);
  return document;
}

// "tasks.t.next[0].do" as YAML marks have it: "tasks.t.next.0.do".
std::string mark_path(std::string_view spec_path) { return replace_all(replace_all(spec_path, "[", "."), "]", ""); }

void print_findings(const Document& document, const orquesta::Inspection& found) {
  for (const Value& entry : found.flat()) {
    const std::string path = entry["spec_path"].string();
    const SourcePosition where = document.yaml.position(mark_path(path));
    std::cout << where.to_string() << (where.known() ? ": " : "") << entry["type"].string() << ": "
              << entry["message"].string();
    if (!path.empty()) std::cout << " (at " << path << ")";
    if (entry.contains("expression")) std::cout << "\n    " << entry["expression"].string();
    std::cout << '\n';
  }
}

std::vector<std::string> names_of_host() { return {"st2", "parent"}; }

Result<Value> parse_inputs(const std::vector<std::string>& texts) {
  Value inputs = Value::empty_dict();
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::kInvalid, "--input is name=value, not \"" + text + "\"");
    }
    const std::string_view written = std::string_view(text).substr(equals + 1);
    auto value = parse_json(written);
    inputs.set(text.substr(0, equals), value ? *std::move(value) : Value(written));
  }
  return inputs;
}

Result<Value> load_results(const std::string& path) {
  if (path.empty()) return Value::empty_dict();
  SQ_TRY(const std::string text, read_file(path));
  YamlOptions options;
  options.file = path;
  SQ_TRY(const Value results, parse_yaml(text, options));
  if (results.is_null()) return Value::empty_dict();
  if (!results.is_dict()) return fail(ErrorCode::kInvalid, path + ": results are a dict of tasks");
  return results;
}

// --- Scripted actions

class Script {
 public:
  explicit Script(Value results) : results_(std::move(results)) {}

  Value take(const workflow::RunAction& action) {
    const std::string place = action.task + "__r" + std::to_string(action.route);
    for (const std::string& key : {place, action.task}) {
      if (auto taken = take_listed(key, action)) return *std::move(taken);
    }
    for (const std::string& key : {place + "*", action.task + "*", std::string("*")}) {
      if (results_.contains(key)) return results_[key];
    }
    return Value::empty_dict();
  }

 private:
  std::optional<Value> take_listed(const std::string& key, const workflow::RunAction& action) {
    if (results_[key].is_dict()) return results_[key];
    if (!results_[key].is_list()) return std::nullopt;
    List left = results_[key].as_list();
    const auto fits = [&](const Value& result) {
      const Value& item = result["item_id"];
      return item.is_null() || (action.item && item == Value(*action.item));
    };
    const auto found = std::find_if(left.begin(), left.end(), fits);
    if (found == left.end()) return std::nullopt;
    Value taken = *found;
    left.erase(found);
    results_.set(key, Value(std::move(left)));
    return taken;
  }

  Value results_;
};

// Plays the driver of one run: actions take no time and end one after the other.
class Rehearsal {
 public:
  Rehearsal(std::shared_ptr<const orquesta::Workflow> workflow, Script script, const WorkflowArguments& arguments)
      : run_(orquesta::make_run(std::move(workflow), environment())),
        script_(std::move(script)),
        order_(arguments.order),
        tells_(arguments.format == "text"),
        numbers_(arguments.seed) {}

  Status play(Value inputs) {
    const Value context =
        Value::dict({{"st2", Value::dict({{"user", "stanley"}, {"pack", ""}, {"action", ""}, {"runner", "orquesta"}})},
                     {"parent", Value::empty_dict()}});
    SQ_CHECK(send(workflow::Start{std::move(inputs), context}));
    while (!in_flight_.empty()) {
      const workflow::RunAction action = take();
      const Value result = script_.take(action);
      const std::string status = result["status"].is_null() ? "succeeded" : result["status"].string();
      if (tells_) std::cout << "  " << name_of(action) << ": " << status << shown(result["result"]) << '\n';
      SQ_CHECK(send(workflow::ActionChanged{action.number, status, result["result"]}));
    }
    return {};
  }

  int print_outcome() const {
    const Value outcome =
        Value::dict({{"status", run_->status()}, {"output", run_->output()}, {"errors", run_->errors()}});
    if (tells_) {
      std::cout << to_json_pretty(outcome) << '\n';
    } else {
      Value all = outcome;
      all.set("tasks", run_->task_records());
      std::cout << to_json_pretty(all) << '\n';
    }
    return run_->status() == "succeeded" ? 0 : kFailed;
  }

 private:
  static workflow::Environment environment() {
    const auto body = [](const List& arguments) -> Result<Value> {
      if (!arguments[2].is_null()) return arguments[2];
      return fail(Error(ErrorCode::kNotFound, "there is no datastore in `squall workflow run`: the key \"" +
                                                  arguments[0].string() + "\" needs a default")
                      .with_type("ValueError"));
    };
    workflow::Environment made;
    made.functions.push_back(std::make_shared<expr::HostFunction>(
        "st2kv",
        std::vector<expr::HostParameter>{
            {"key", true, Value()}, {"decrypt", false, Value(false)}, {"default", false, Value()}},
        body));
    return made;
  }

  static std::string name_of(const workflow::RunAction& action) {
    std::string name = action.task;
    if (action.route != 0) name += " (route " + std::to_string(action.route) + ")";
    if (action.item) name += " [" + std::to_string(*action.item) + "]";
    return name;
  }
  static std::string shown(const Value& value) { return value.is_null() ? "" : "  " + to_json(value); }

  Status send(workflow::Event::What what) {
    workflow::Event event;
    event.what = std::move(what);
    event.at = Clock::system().now();
    event.seed = numbers_();
    SQ_TRY(const workflow::Applied applied, run_->apply(event));
    for (const workflow::Command& command : applied.commands) {
      const auto* action = std::get_if<workflow::RunAction>(&command);
      if (action == nullptr) continue;
      in_flight_.push_back(*action);
      if (!tells_) continue;
      std::cout << "> " << name_of(*action) << ": " << (action->action.empty() ? "(no action)" : action->action)
                << shown(action->input);
      if (action->delay_ms > 0) std::cout << "  after " << action->delay_ms << " ms";
      std::cout << '\n';
    }
    return {};
  }

  workflow::RunAction take() {
    if (order_ == "random") std::swap(in_flight_.back(), in_flight_[numbers_() % in_flight_.size()]);
    const bool oldest = order_ == "fifo";
    workflow::RunAction action = std::move(oldest ? in_flight_.front() : in_flight_.back());
    oldest ? in_flight_.pop_front() : in_flight_.pop_back();
    return action;
  }

  std::unique_ptr<workflow::WorkflowRun> run_;
  Script script_;
  std::string order_;
  bool tells_;
  std::mt19937_64 numbers_;
  std::deque<workflow::RunAction> in_flight_;
};

// These commands need no server, and 1 is all that went wrong with them.
int refuse(const Error& error) {
  report(error);
  return kExitFailed;
}

}  // namespace

int run_workflow(const WorkflowArguments& arguments) {
  if (arguments.order != "fifo" && arguments.order != "lifo" && arguments.order != "random") {
    return usage("--order is fifo, lifo or random, not \"" + arguments.order + "\"");
  }
  if (arguments.format != "text" && arguments.format != "json") return usage("-o is text or json");
  auto inputs = parse_inputs(arguments.inputs);
  if (!inputs) return usage(inputs.error().message());
  auto results = load_results(arguments.results);
  if (!results) return usage(results.error().to_string());
  auto document = load(arguments.file);
  if (!document) return refuse(document.error());
  const orquesta::Inspection found = orquesta::inspect(document->spec, names_of_host());
  if (!found.ok()) {
    print_findings(*document, found);
    return kFailed;
  }
  Rehearsal rehearsal(std::make_shared<const orquesta::Workflow>(std::move(document->spec)),
                      Script(*std::move(results)), arguments);
  if (const Status played = rehearsal.play(*std::move(inputs)); !played) return refuse(played.error());
  return rehearsal.print_outcome();
}

int inspect_workflow(const WorkflowArguments& arguments) {
  if (arguments.format != "text" && arguments.format != "json") return usage("-o is text or json");
  const auto document = load(arguments.file);
  if (!document) return refuse(document.error());
  const orquesta::Inspection found = orquesta::inspect(document->spec, names_of_host());
  if (arguments.format == "json") {
    std::cout << to_json_pretty(Value(found.flat())) << '\n';
  } else if (found.ok()) {
    std::cout << "nothing found\n";
  } else {
    print_findings(*document, found);
  }
  return found.ok() ? 0 : kFailed;
}

int draw_workflow(const WorkflowArguments& arguments) {
  if (arguments.format != "text" && arguments.format != "svg") return usage("--format is text or svg");
  const auto document = load(arguments.file);
  if (!document) return refuse(document.error());
  const orquesta::Graph graph(document->spec);
  std::cout << (arguments.format == "svg" ? orquesta::graph_svg(graph) : orquesta::graph_text(graph));
  return 0;
}

}  // namespace squall::cli
