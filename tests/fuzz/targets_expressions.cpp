#include <algorithm>

#include "expr/expr.hpp"
#include "expr/mistral_text.hpp"
#include "expr/workflow_text.hpp"
#include "expr/yaql/yaql.hpp"
#include "net/request_reader.hpp"
#include "targets.hpp"
#include "value/json.hpp"
#include "value/python.hpp"
#include "workflow/chain/chain.hpp"

namespace squall::fuzz {

namespace {

// Data of every kind that a template may see.
const Value& context() {
  static const Value value = parse_json(R"({"i": 7, "f": 2.5, "s": "Hello World", "e": "", "n": null, "t": true,
    "l": [3, 1, 2], "w": ["b", "A", "c"], "d": {"b": 1, "a": [2, {"k": "v"}]},
    "vms": [{"id": 1, "name": "web", "tags": ["x"], "up": true}, {"id": 2, "name": "db", "tags": [], "up": false}]})")
                                 .value();
  return value;
}

// An answer's error must say something, and where it points must be inside the text.
std::string check_error(const Error& error, std::string_view input) {
  if (error.message().empty() && error.type().empty()) return "an error without words";
  const auto lines = 1 + std::count(input.begin(), input.end(), '\n') + std::count(input.begin(), input.end(), '\r');
  if (error.where().line < 0 || error.where().line > lines + 1)
    return "an error at line " + std::to_string(error.where().line);
  return "";
}

}  // namespace

std::string fuzz_jinja(std::string_view input) {
  const auto compiled = expr::JinjaTemplate::compile(input);
  if (!compiled) return check_error(compiled.error(), input);
  (void)compiled->undeclared_variables();
  const auto rendered = compiled->render(expr::Scope(context()));
  if (!rendered) return check_error(rendered.error(), input);
  const auto again = compiled->render(expr::Scope(context()));
  if (input.find("random") != std::string_view::npos || input.find("lipsum") != std::string_view::npos) return "";
  if (!again || *again != *rendered) return "a second render differs: " + *rendered;
  return "";
}

std::string fuzz_yaql(std::string_view input) {
  const auto compiled = expr::YaqlExpression::compile(input);
  if (!compiled) return check_error(compiled.error(), input);
  expr::YaqlScope scope;
  scope.data = context();
  const auto result = compiled->evaluate(scope);
  if (!result) return check_error(result.error(), input);
  (void)python::str(*result);
  return "";
}

std::string fuzz_workflow(std::string_view input) {
  const Value text = Value::list({Value(input), Value::dict({{input, 1}})});
  (void)expr::has_workflow_expression(input);
  (void)expr::validate_workflow_value(text);
  (void)expr::workflow_variables(text);
  expr::WorkflowScope orquesta;
  orquesta.variables = context();
  if (const auto result = expr::evaluate_workflow_value(text, orquesta)) (void)python::str(*result);
  expr::MistralScope mistral;
  mistral.data = context();
  if (const auto result = expr::evaluate_mistral_value(text, mistral)) (void)python::str(*result);
  return "";
}

std::string fuzz_chain(std::string_view input) {
  const auto chain = workflow::Chain::parse(input, "fuzz", "fuzz.yaml");
  if (!chain) return chain.error().message().empty() ? "an error without words" : "";
  workflow::ChainEnvironment environment;
  environment.parameters = context();
  environment.action_parameters = [](std::string_view) {
    return Value::dict({{"a", Value::dict({{"type", "integer"}})}, {"b", Value::dict({{"type", "array"}})}});
  };
  workflow::ChainRun run(*chain, environment);
  workflow::ChainCommand command = run.start();
  workflow::TaskEnd end;
  end.result = Value::dict({{"stdout", "text"}, {"n", 1}});
  end.execution_id = end.liveaction_id = "0123456789abcdef01234567";
  end.created_at = end.updated_at = "2026-01-01T00:00:00.000000Z";
  for (int tasks = 0; command.run && tasks < 10; ++tasks) {
    if (command.finish) return "a task and an end at once";
    // A restart between any two events must not change what comes next.
    workflow::ChainRun restarted(*chain, environment, run.document());
    end.status = tasks % 3 == 2 ? "failed" : "succeeded";
    command = run.on_task_end(end);
    const workflow::ChainCommand same = restarted.on_task_end(end);
    if (same.run.has_value() != command.run.has_value() || to_json(restarted.document()) != to_json(run.document()))
      return "a chain goes on otherwise after a restart";
  }
  (void)run.result();
  return "";
}

std::string fuzz_http(std::string_view input) {
  using net::RequestReader;
  net::ServerLimits limits;
  limits.header_bytes = 4096;
  limits.body_bytes = 8192;
  // All at once and byte by byte must come to the same requests and the same fault; only may a fault in a request that
  // is not complete be noticed later.
  int status = 0;
  const auto read = [&](size_t step) {
    RequestReader reader(limits);
    std::string seen;
    status = 0;
    const auto note = [&](RequestReader::Progress progress) {
      while (progress == RequestReader::Progress::kComplete) {
        const RequestReader::Request taken = reader.take();
        seen += taken.request.method + " " + taken.request.path + " " + taken.request.body + "\n";
        for (const auto& [name, value] : taken.request.headers) seen += name + ": " + value + "\n";
        for (const auto& [name, value] : taken.request.query) seen += name + "=" + value + "\n";
        progress = reader.resume();
      }
      return progress;
    };
    for (size_t at = 0; at < input.size(); at += step) {
      if (note(reader.feed(input.substr(at, step))) == RequestReader::Progress::kBad) {
        status = reader.fault().status;
        return seen;
      }
    }
    return seen;
  };
  const std::string whole = read(input.size() + 1);
  const int whole_status = status;
  const std::string pieces = read(1);
  const bool same_fault = whole_status == status || whole_status == 0 || status == 0;
  if (whole == pieces && same_fault) return "";
  return "whole: " + whole + std::to_string(whole_status) + "\nin pieces: " + pieces + std::to_string(status);
}

}  // namespace squall::fuzz
