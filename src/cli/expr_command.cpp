#include "cli/expr_command.hpp"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <limits>
#include <optional>

#include "base/strings.hpp"
#include "cli/input.hpp"
#include "expr/expr.hpp"
#include "expr/mistral_text.hpp"
#include "expr/workflow_text.hpp"
#include "expr/yaql/yaql.hpp"
#include "value/json.hpp"
#include "value/python.hpp"
#include "value/yaml.hpp"

namespace squall::cli {

namespace {

Result<Value> evaluate(std::string_view environment, const Value& text, const Value& context) {
  if (environment == "orquesta") {
    expr::WorkflowScope scope;
    scope.variables = context;
    return expr::evaluate_workflow_value(text, scope);
  }
  if (environment == "mistral") {
    expr::MistralScope scope;
    scope.data = context;
    return expr::evaluate_mistral_value(text, scope);
  }
  if (environment == "yaql") {
    SQ_TRY(const expr::YaqlExpression compiled, expr::YaqlExpression::compile_cached(text.string_or("")));
    expr::YaqlScope scope;
    scope.data = context;
    return compiled.evaluate(scope);
  }
  if (environment != "stackstorm") {
    return fail(ErrorCode::kInvalid,
                "unknown environment \"" + std::string(environment) + "\": there are stackstorm, orquesta and mistral");
  }
  SQ_TRY(const expr::JinjaTemplate compiled, expr::JinjaTemplate::compile_cached(text.string_or("")));
  SQ_TRY(std::string rendered, compiled.render(expr::Scope(context)));
  return Value(std::move(rendered));
}

// Characters JSON has no word for, marked as the recorded answers of the real engines are.
Value tagged(const Value& value);

Value marked(std::string_view type, std::string repr) {
  return Value::dict({{"$type", type}, {"repr", std::move(repr)}});
}

Value tagged_items(const Value& value) {
  List items;
  for (const Value& item : value.as_list()) items.push_back(tagged(item));
  return Value(std::move(items));
}

Value tagged(const Value& value) {
  switch (value.kind()) {
    case Kind::kList: return tagged_items(value);
    case Kind::kDict: {
      Dict dict;
      for (const auto& [key, member] : value.as_dict()) dict.set(key, tagged(member));
      return Value(std::move(dict));
    }
    case Kind::kDouble:
      if (std::isfinite(value.as_double())) return value;
      return marked("float", python::repr(value));
    case Kind::kUInt:
    case Kind::kBigInt: return marked("int", python::repr(value));
    case Kind::kMarkup: return Value(value.as_string());
    case Kind::kTuple:
    case Kind::kSet: {
      Value tag = marked(value.kind() == Kind::kSet ? "set" : "tuple", "");
      tag.set("items", tagged_items(value));
      return tag;
    }
    case Kind::kUndefined: return marked("Undefined", "Undefined");
    case Kind::kDateTime: {
      Value tag = marked("datetime", "");
      tag.set("iso", python::iso_date_time(value.as_date_time()));
      return tag;
    }
    case Kind::kTimeDelta: {
      Value tag = marked("timedelta", "");
      tag.set("microseconds", value.as_time_delta());
      return tag;
    }
    case Kind::kBytes:
    case Kind::kDate:
    case Kind::kObject: return marked(value.type_name(), python::repr(value));
    default: return value;
  }
}

Value answer(const Result<Value>& result) {
  if (result) return Value::dict({{"value", tagged(*result)}});
  const Error& error = result.error();
  Value details = Value::dict({{"type", error.type()}, {"message", error.message()}});
  if (error.code() == ErrorCode::kLimit) details.set("limit", true);
  if (error.where().line > 0) details.set("line", error.where().line);
  if (error.where().column > 0) details.set("column", error.where().column);
  return Value::dict({{"error", std::move(details)}});
}

std::chrono::duration<double> processor_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// "repeat": evaluates again and again, for benchmarks. "seconds" is the processor time of one evaluation, in the best
// of a few parts: what else the machine does must not count.
// What is compiled is kept, as the other engines in the benchmark keep it.
template <typename Evaluate>
Value timed_rounds(int64_t repeat, Evaluate evaluate_once) {
  constexpr int64_t kParts = 5;
  const int64_t rounds = std::max<int64_t>(1, repeat / kParts);
  double best = std::numeric_limits<double>::infinity();
  for (int64_t part = 0; part < kParts; ++part) {
    const auto start = processor_time();
    for (int64_t i = 0; i < rounds; ++i) {
      if (const auto result = evaluate_once(); !result) return answer(result);
    }
    best = std::min(best, (processor_time() - start).count() / static_cast<double>(rounds));
  }
  return Value::dict({{"seconds", best}});
}

Value timed(std::string_view environment, const Value& test_case) {
  const int64_t repeat = test_case["repeat"].int_or(1);
  const Value& text = test_case["text"];
  const Value& context = test_case["context"];
  if (environment == "stackstorm") {
    const auto compiled = expr::JinjaTemplate::compile(text.string_or(""));
    if (!compiled) return answer(fail(compiled.error()));
    return timed_rounds(repeat, [&]() -> Result<Value> {
      SQ_TRY(std::string rendered, compiled->render(expr::Scope(context)));
      return Value(std::move(rendered));
    });
  }
  if (environment == "yaql") {
    const auto compiled = expr::YaqlExpression::compile(text.string_or(""));
    if (!compiled) return answer(fail(compiled.error()));
    expr::YaqlScope scope;
    scope.data = context;
    return timed_rounds(repeat, [&] { return compiled->evaluate(scope); });
  }
  return timed_rounds(repeat, [&] { return evaluate(environment, text, context); });
}

int run_batch() {
  for (std::string line; std::getline(std::cin, line);) {
    if (trim(line).empty()) continue;
    const auto test_case = parse_json(line, JsonDialect::kPython);
    if (test_case && test_case->contains("repeat")) {
      std::cout << to_json(timed((*test_case)["env"].string_or("stackstorm"), *test_case)) << '\n';
      continue;
    }
    Result<Value> result =
        test_case ? evaluate((*test_case)["env"].string_or("stackstorm"), (*test_case)["text"], (*test_case)["context"])
                  : Result<Value>(fail(test_case.error()));
    const auto out = write_json(answer(result), JsonStyle::python());
    std::cout << (out ? *out : "{\"error\": {\"type\": \"\", \"message\": \"the result is no text\"}}") << '\n';
  }
  std::cout.flush();
  return 0;
}

// --- For people
// -------------------------------------------------------------------------------------------------------

Result<Value> load_context(const std::string& path) {
  if (path.empty()) return Value::empty_dict();
  SQ_TRY(const std::string text, read_input(path));
  YamlOptions options;
  options.file = path;
  SQ_TRY(Value context, parse_yaml(text, options));
  if (context.is_null()) return Value::empty_dict();
  return context;
}

// The line of the mistake with a caret under it. Jinja tells no column: the caret stands under the line's first tag.
void show_place(const std::string& text, const SourcePosition& where) {
  if (where.line <= 0) return;
  const std::vector<std::string> lines = split(text, '\n');
  if (static_cast<size_t>(where.line) > lines.size()) return;
  const std::string& line = lines[static_cast<size_t>(where.line) - 1];
  size_t column = where.column > 0 ? static_cast<size_t>(where.column) - 1 : 0;
  if (where.column <= 0) {
    const size_t tag = std::min({line.find("{{"), line.find("{%"), line.find("<%")});
    if (tag != std::string::npos) column = utf8_length(std::string_view(line).substr(0, tag));
  }
  const std::string number = std::to_string(where.line) + " | ";
  std::cerr << number << line << '\n' << std::string(number.size() + column, ' ') << "^\n";
}

int show_error(const Error& error, const std::string& text) {
  const std::string type = error.type().empty() ? "error" : error.type();
  std::cerr << type << ": " << error.message() << '\n';
  SourcePosition where = error.where();
  if (where.line <= 0) where.line = 1;
  show_place(text, where);
  return 1;
}

}  // namespace

int evaluate_expression(const ExprArguments& arguments) {
  if (arguments.batch) return run_batch();
  const auto usage = [](std::string_view message) {
    std::cerr << "squall: " << message << '\n';
    return 2;
  };
  if (arguments.text.empty()) return usage("expr needs a text, e.g. squall expr '{{ 1 + 1 }}'");
  if (arguments.text == "-" && arguments.context == "-")
    return usage("only one of text and context can be standard input");
  const std::string text = arguments.text == "-" ? read_standard_input() : arguments.text;
  const auto context = load_context(arguments.context);
  if (!context) return usage(context.error().to_string());
  const bool looks_like_yaql = text.find("<%") != std::string::npos && text.find("{{") == std::string::npos;
  const std::string environment = !arguments.environment.empty() ? arguments.environment
                                  : looks_like_yaql              ? "orquesta"
                                                                 : "stackstorm";
  if (environment != "stackstorm" && environment != "orquesta" && environment != "mistral") {
    return usage("unknown environment \"" + environment + "\": there are stackstorm, orquesta and mistral");
  }
  if (environment != "mistral" && !context->is_dict()) return usage("the context must be a dict of names");
  const Result<Value> result = evaluate(environment, Value(text), *context);
  if (!result) return show_error(result.error(), text);
  if (result->is_string()) {
    std::cout << result->as_string() << '\n';
  } else {
    std::cout << to_json_pretty(tagged(*result)) << '\n';
  }
  return 0;
}

}  // namespace squall::cli
