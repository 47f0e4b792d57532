#include "value/conformance.hpp"
#include "value/yaml.hpp"

namespace squall {
namespace {

using Mark = std::optional<std::pair<int, int>>;

Mark recorded_mark(const Value& error, std::string_view line, std::string_view column) {
  if (error[line].is_null()) return std::nullopt;
  return std::pair(static_cast<int>(error[line].as_int()), static_cast<int>(error[column].as_int()));
}

Result<Value> load(const Value& vector, YamlProblem& problem) {
  YamlOptions options;
  options.problem = &problem;
  const std::string_view text = vector["text"].as_string();
  if (vector["op"] == Value("load")) return parse_yaml(text, options);
  SQ_TRY(const std::vector<Value> documents, parse_yaml_all(text, options));
  return Value(List(documents.begin(), documents.end()));
}

TEST(YamlConformance, ReadsAsPyYamlDoes) {
  SQ_LOAD_TOPIC(topic, "yaml11");
  conformance::Report report("yaml11", topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    YamlProblem problem;
    const Result<Value> answer = load(vector, problem);
    const Value& error = vector["error"];
    if (error.is_null() || answer) {
      report.judge(vector, answer);
      continue;
    }
    // Class, place and context have to be PyYAML's; the words are counted apart.
    const bool passed = problem.type == error["type"].string() && answer.error().type() == problem.type &&
                        problem.context == error["context"].string() &&
                        problem.problem_mark == recorded_mark(error, "line", "column") &&
                        problem.context_mark == recorded_mark(error, "context_line", "context_column");
    report.record(vector, passed, "wanted " + to_json(error) + "; came " + problem.type + ": " + problem.text());
    report.message(vector, error["message"].string(), problem.problem);
  }
  report.finish();
}

}  // namespace
}  // namespace squall
