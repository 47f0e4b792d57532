#include "expr/mistral_text.hpp"

#include <string>

#include "base/strings.hpp"
#include "expr/jinja/orquesta.hpp"
#include "expr/python/errors.hpp"
#include "expr/text_scan.hpp"
#include "expr/yaql/yaql.hpp"

namespace squall::expr {

namespace {

tl::unexpected<Error> failed(std::string_view type, std::string_view language, std::string_view expression,
                             const Error& cause) {
  const std::string message = "Can not evaluate " + std::string(language) +
                              " expression [expression=" + std::string(expression) + ", error=" + cause.message() + "]";
  return fail(Error(cause.code(), message, cause.where()).with_type(std::string(type)));
}

class Evaluation {
 public:
  explicit Evaluation(const MistralScope& scope) : given_(scope) {}

  Result<Value> evaluate(const Value& value) const {
    if (value.is_dict()) {
      Dict dict;
      for (const auto& [key, member] : value.as_dict()) {
        SQ_TRY(Value evaluated, evaluate(member));
        dict.set(key, std::move(evaluated));
      }
      return Value(std::move(dict));
    }
    if (value.is_list()) {
      List items;
      for (const Value& item : value.as_list()) {
        SQ_TRY(Value evaluated, evaluate(item));
        items.push_back(std::move(evaluated));
      }
      return Value(std::move(items));
    }
    if (!value.is_string()) return value;
    const std::string text = value.string();
    const auto expressions = find_delimited(text, "{{", "}}");
    const bool has_jinja = !expressions.empty() || !find_delimited(text, "{%", "%}").empty();
    return has_jinja ? jinja(text, expressions) : yaql(text);
  }

 private:
  Result<Value> yaql(const std::string& text) const {
    YaqlScope scope;
    scope.data = given_.data;
    scope.host = given_.functions;
    scope.clock = given_.clock;
    Value output(text);
    for (const std::string& expression : find_delimited(text, "<%", "%>")) {
      const std::string_view inside = without_delimiters(expression, "<%>");
      const auto compiled = YaqlExpression::compile_cached(inside);
      if (!compiled) return failed("YaqlGrammarException", "YAQL", inside, compiled.error());
      std::string shown;
      Result<Value> result = compiled->evaluate(scope, &shown);
      if (!result) return failed("YaqlEvaluationException", "YAQL", inside, result.error());
      if (expression.size() == text.size()) return result;
      output = Value(replace_all(output.as_string(), expression, shown));
      if (output.size() > yaql::kTextBytesMax) return py::limit_error("text is longer than kTextBytesMax");
    }
    return output;
  }

  Result<Value> jinja(const std::string& text, const std::vector<std::string>& expressions) const {
    Scope scope(Value::dict({{"_", given_.data}}));
    for (const auto& function : given_.functions) scope.set(function->name(), Value::object(function));
    if (expressions.empty()) {
      // Mistral looks for the first {{ }} before anything else.
      return failed("JinjaEvaluationException", "Jinja", text, Error(ErrorCode::kInvalid, "list index out of range"));
    }
    if (expressions[0].size() != text.size()) {
      Result<std::string> rendered = jinja::render_orquesta(text, scope);
      if (!rendered) return failed("JinjaEvaluationException", "Jinja", text, rendered.error());
      return Value(*std::move(rendered));
    }
    Result<jinja::Evaluated> result = jinja::evaluate_expression(without_delimiters(text, "{}"), scope);
    if (!result) return failed("JinjaEvaluationException", "Jinja", text, result.error());
    if (jinja::is_strictly_undefined(result->value)) {
      return failed("JinjaEvaluationException", "Jinja", text,
                    Error(ErrorCode::kInvalid, jinja::undefined_message(result->value)));
    }
    return std::move(result->value);
  }

  const MistralScope& given_;
};

}  // namespace

Result<Value> evaluate_mistral_value(const Value& value, const MistralScope& scope) {
  return Evaluation(scope).evaluate(value);
}

Status validate_mistral_text(const Value& value) {
  if (!value.is_string()) return {};
  const std::string_view text = value.as_string();
  const bool has_jinja = !find_delimited(text, "{{", "}}").empty() || !find_delimited(text, "{%", "%}").empty();
  const auto yaql = find_delimited(text, "<%", "%>");
  if (has_jinja) {
    if (const Status syntax = jinja::check_template_syntax(text); !syntax) {
      const Error& cause = syntax.error();
      return fail(Error(cause.code(), "Syntax error '" + cause.message() + "'.", cause.where())
                      .with_type("JinjaGrammarException"));
    }
    if (!yaql.empty()) {
      return fail(Error(ErrorCode::kInvalid,
                        "The line already contains an expression of type 'jinja'. Mixing expression types in a single "
                        "line is not allowed.")
                      .with_type("ExpressionGrammarException"));
    }
  }
  for (const std::string& expression : yaql) {
    const auto compiled = YaqlExpression::compile_cached(without_delimiters(expression, "<%>"));
    if (!compiled) return fail(Error(compiled.error()).with_type("YaqlGrammarException"));
  }
  return {};
}

}  // namespace squall::expr
