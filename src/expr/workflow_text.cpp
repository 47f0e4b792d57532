#include "expr/workflow_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/strings.hpp"
#include "expr/jinja/orquesta.hpp"
#include "expr/python/errors.hpp"
#include "expr/python/text.hpp"
#include "expr/text_scan.hpp"
#include "expr/yaql/lib_orquesta.hpp"
#include "expr/yaql/yaql.hpp"
#include "text/regex.hpp"
#include "value/python.hpp"

namespace squall::expr {

namespace {

std::vector<std::string> yaql_expressions(std::string_view text) { return find_delimited(text, "<%", "%>"); }
std::vector<std::string> jinja_expressions(std::string_view text) { return find_delimited(text, "{{", "}}"); }
std::vector<std::string> jinja_blocks(std::string_view text) { return find_delimited(text, "{%", "%}"); }

bool has_yaql(std::string_view text) { return !yaql_expressions(text).empty(); }
bool has_jinja(std::string_view text) { return !jinja_expressions(text).empty() || !jinja_blocks(text).empty(); }

std::string_view inside_yaql(std::string_view expression) { return without_delimiters(expression, "<%>"); }
std::string_view inside_jinja(std::string_view expression) { return without_delimiters(expression, "{}"); }

// An error as it leaves the evaluator. A limit stays what it is, and is told once.
tl::unexpected<Error> evaluation_error(std::string_view type, std::string message, const Error& cause) {
  return fail(Error(cause.code(), std::move(message), cause.where()).with_type(std::string(type)));
}
bool is_told_limit(const Error& error) {
  return error.code() == ErrorCode::kLimit && error.type().ends_with("EvaluationException");
}
std::string cause_text(const Error& error) {
  return error.type().empty() ? error.message() : error.type() + ": " + error.message();
}

// The classes for which Orquesta's YAQL evaluator strips apostrophes off the message.
bool is_stripped(std::string_view type) {
  constexpr std::array<std::string_view, 8> kOthers = {
      "ValueError",         "TypeError",          "JSONDecodeError", "ParserError",
      "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError",    "UnknownTimezoneWarning"};
  constexpr std::array<std::string_view, 9> kYaql = {
      "NoFunctionRegisteredException", "NoMethodRegisteredException", "NoMatchingFunctionException",
      "NoMatchingMethodException",     "AmbiguousFunctionException",  "AmbiguousMethodException",
      "MappingTranslationException",   "YaqlGrammarException",        "YaqlLexicalException"};
  return std::find(kOthers.begin(), kOthers.end(), type) != kOthers.end() ||
         std::find(kYaql.begin(), kYaql.end(), type) != kYaql.end();
}

std::string without_apostrophes(std::string_view text) {
  const size_t first = text.find_first_not_of('\'');
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of('\'') - first + 1));
}

// A value and Python's str() of it.
struct Shown {
  Value value;
  std::string text;

  static Shown of(std::string text) { return {Value(text), std::move(text)}; }
};

class Evaluation {
 public:
  explicit Evaluation(const WorkflowScope& scope) : given_(scope) {}

  Result<Value> evaluate(const Value& value) {
    if (value.is_dict()) return evaluate_dict(value.as_dict());
    if (value.is_list()) {
      List items;
      items.reserve(value.size());
      for (const Value& item : value.as_list()) {
        SQ_TRY(Value evaluated, evaluate(item));
        items.push_back(std::move(evaluated));
      }
      return Value(std::move(items));
    }
    if (!value.is_string()) return value;
    if (has_jinja(value.as_string())) return jinja_text(value.string());
    if (!has_yaql(value.as_string())) return value;
    SQ_TRY(Shown shown, yaql(value.string(), 0));
    return std::move(shown.value);
  }

 private:
  Result<Value> evaluate_dict(const Dict& dict) {
    Dict evaluated;
    for (const auto& [key, member] : dict) {
      SQ_TRY(const Value name, evaluate(Value(key)));
      SQ_TRY(Value value, evaluate(member));
      if (name.is_list() || name.is_dict() || name.kind() == Kind::kSet) {
        return py::type_error("unhashable type: '" + std::string(name.type_name()) + "'");
      }
      evaluated.set(name.is_string() ? name.string() : python::str(name), std::move(value));
    }
    return Value(std::move(evaluated));
  }

  // Private names as Orquesta keeps them.
  Value private_names() const {
    const auto pick = [&](const Value& own, std::string_view name) {
      return own.is_null() ? given_.variables[name] : own;
    };
    return Value::dict({{"__vars", given_.variables.is_dict() ? given_.variables : Value::empty_dict()},
                        {"__state", pick(given_.state, "__state")},
                        {"__current_task", pick(given_.current_task, "__current_task")},
                        {"__current_item", pick(given_.current_item, "__current_item")}});
  }

  static tl::unexpected<Error> too_deep(std::string_view type, std::string_view text) {
    Error error(ErrorCode::kLimit, "Unable to evaluate expression '" + std::string(text) +
                                       "'. A text result was an expression again more than " +
                                       std::to_string(kReevaluationsMax) + " times (kReevaluationsMax)");
    return fail(error.with_type(std::string(type)));
  }

  // --- YAQL
  YaqlScope& yaql_scope() {
    if (!yaql_scope_) {
      yaql_scope_.emplace();
      yaql_scope_->variables = private_names();
      yaql_scope_->host = given_.functions;
      yaql_scope_->functions = &yaql::orquesta_table();
      yaql_scope_->clock = given_.clock;
      yaql_scope_->random = given_.random;
    }
    return *yaql_scope_;
  }

  Result<Shown> yaql_expression(const std::string& expression, size_t depth) {
    SQ_TRY(const YaqlExpression compiled, YaqlExpression::compile_cached(inside_yaql(expression)));
    Shown shown;
    SQ_TRY(shown.value, compiled.evaluate(yaql_scope(), &shown.text));
    if (!shown.value.is_string()) return shown;
    return yaql(shown.text, depth + 1);
  }

  Result<Shown> yaql(const std::string& text, size_t depth) {
    const std::vector<std::string> expressions = yaql_expressions(text);
    if (expressions.empty()) return Shown::of(text);
    if (depth > kReevaluationsMax) return too_deep("YaqlEvaluationException", text);
    Shown output = Shown::of(text);
    for (const std::string& expression : expressions) {
      Result<Shown> result = yaql_expression(expression, depth);
      if (!result) return yaql_error(expression, placed(result.error(), text, expression, inside_yaql(expression)));
      if (expressions.size() > 1 || text.size() > expression.size()) {
        output = Shown::of(replace_all(output.text, expression, result->text));
        if (output.text.size() > yaql::kTextBytesMax) return too_deep("YaqlEvaluationException", expression);
      } else {
        output = *std::move(result);
      }
    }
    return output;
  }

  // With the position in the whole text instead of one in `code`, the expression without its delimiters, which stands
  // on one line. What a second evaluation found wrong is no part of the text: it stands where the expression does.
  static Error placed(const Error& error, const std::string& text, const std::string& expression,
                      std::string_view code) {
    const bool second = error.type().ends_with("EvaluationException");
    const int column = second ? 1 : error.where().column;
    if (column == 0) return error;
    const size_t start = text.find(expression);
    const size_t before = code.empty() ? 2 : static_cast<size_t>(code.data() - expression.data());
    const size_t inside = start + (second ? 0 : before);
    const size_t newline = text.rfind('\n', inside);
    const size_t line_start = newline == std::string::npos ? 0 : newline + 1;
    SourcePosition where;
    where.line =
        1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(inside), '\n'));
    where.column =
        column + static_cast<int>(utf8_length(std::string_view(text).substr(line_start, inside - line_start)));
    return Error(error.code(), error.message(), where).with_type(error.type());
  }

  static tl::unexpected<Error> yaql_error(const std::string& expression, const Error& cause) {
    constexpr std::string_view kType = "YaqlEvaluationException";
    if (is_told_limit(cause)) return fail(cause);
    if (cause.type() == "KeyError") {
      return evaluation_error(kType,
                              "Unable to resolve key '" + without_apostrophes(cause.message()) + "' in expression '" +
                                  expression + "' from context.",
                              cause);
    }
    std::string text = cause_text(cause);
    if (is_stripped(cause.type())) text = cause.type() + ": " + without_apostrophes(cause.message());
    return evaluation_error(kType, "Unable to evaluate expression '" + expression + "'. " + text, cause);
  }

  // --- Jinja
  const Scope& jinja_scope() {
    if (!jinja_scope_) {
      jinja_scope_.emplace(private_names());
      jinja_scope_->push(jinja::orquesta_names());
      for (const auto& function : given_.functions) jinja_scope_->set(function->name(), Value::object(function));
    }
    return *jinja_scope_;
  }

  static tl::unexpected<Error> jinja_error(const std::string& expression, const Error& cause) {
    if (is_told_limit(cause)) return fail(cause);
    return evaluation_error("JinjaEvaluationException",
                            "Unable to evaluate expression '" + expression + "'. " + cause_text(cause), cause);
  }

  Result<Shown> jinja(const std::string& text, size_t depth) {
    if (depth > kReevaluationsMax) return too_deep("JinjaEvaluationException", text);
    if (!jinja_blocks(text).empty()) {
      Result<std::string> rendered = jinja::render_orquesta(text, jinja_scope());
      if (!rendered) return jinja_error(text, rendered.error());
      Result<Shown> result = jinja(*rendered, depth + 1);
      if (!result) return jinja_error(text, result.error());
      return result;
    }
    const std::vector<std::string> expressions = jinja_expressions(text);
    Shown output = Shown::of(text);
    for (const std::string& expression : expressions) {
      Result<Shown> result = jinja_expression(expression, depth);
      if (!result) return jinja_error(expression, placed(result.error(), text, expression, inside_jinja(expression)));
      if (jinja::is_strictly_undefined(result->value)) continue;
      if (expressions.size() > 1 || text.size() > expression.size()) {
        output = Shown::of(replace_all(output.text, expression, result->text));
        if (output.text.size() > yaql::kTextBytesMax) return too_deep("JinjaEvaluationException", expression);
      } else {
        output = *std::move(result);
      }
    }
    return output;
  }

  Result<Shown> jinja_expression(const std::string& expression, size_t depth) {
    SQ_TRY(jinja::Evaluated evaluated, jinja::evaluate_expression(inside_jinja(expression), jinja_scope()));
    if (evaluated.value.is_string()) return jinja(evaluated.text, depth + 1);
    return Shown{std::move(evaluated.value), std::move(evaluated.text)};
  }

  Result<Value> jinja_text(std::string text) {
    // Raw blocks are set aside as {0}, {1}, ... and rendered at the end.
    const std::vector<std::string> raw_blocks = find_delimited(text, "{% raw %}", "{% endraw %}");
    const auto mark = [](size_t index) { return "{" + std::to_string(index) + "}"; };
    for (size_t i = 0; i < raw_blocks.size(); ++i) text = replace_all(text, raw_blocks[i], mark(i));
    SQ_TRY(Shown output, jinja(text, 0));
    if (!output.value.is_string()) return std::move(output.value);
    std::string left;
    for (const std::string& expression : jinja_expressions(output.text)) {
      left += (left.empty() ? "" : ", ") + std::string(inside_jinja(expression));
    }
    if (!left.empty() || !jinja_expressions(output.text).empty()) {
      return py::raise("JinjaEvaluationException", "There are unresolved variables: " + left);
    }
    if (raw_blocks.empty()) return std::move(output.value);
    for (size_t i = 0; i < raw_blocks.size(); ++i) output.text = replace_all(output.text, mark(i), raw_blocks[i]);
    SQ_TRY(std::string rendered, jinja::render_orquesta(output.text, jinja_scope()));
    return Value(std::move(rendered));
  }

  const WorkflowScope& given_;
  std::optional<YaqlScope> yaql_scope_;
  std::optional<Scope> jinja_scope_;
};

template <typename Visit>
void for_each_text(const Value& value, const Visit& visit) {
  if (value.is_dict()) {
    for (const auto& [key, member] : value.as_dict()) {
      visit(std::string_view(key));
      for_each_text(member, visit);
    }
  } else if (value.is_list()) {
    for (const Value& item : value.as_list()) for_each_text(item, visit);
  } else if (value.is_string()) {
    visit(value.as_string());
  }
}

void validate_yaql(std::string_view text, std::vector<ExpressionProblem>& problems) {
  for (const std::string& expression : yaql_expressions(text)) {
    const auto compiled = YaqlExpression::compile_cached(inside_yaql(expression));
    if (!compiled) problems.push_back({"yaql", expression, compiled.error().message()});
  }
}

void validate_jinja(std::string_view text, std::vector<ExpressionProblem>& problems) {
  const size_t before = problems.size();
  if (const Status status = jinja::check_template_syntax(text); !status) {
    problems.push_back({"jinja", std::string(text), status.error().message()});
  }
  for (const std::string& expression : jinja_expressions(text)) {
    const bool known = std::any_of(problems.begin() + static_cast<std::ptrdiff_t>(before), problems.end(),
                                   [&](const ExpressionProblem& problem) { return problem.expression == expression; });
    if (known) continue;
    if (const Status status = jinja::check_expression_syntax(inside_jinja(expression)); !status) {
      problems.push_back({"jinja", expression, status.error().message()});
    }
  }
}

const Regex& compiled(std::string_view pattern) {
  // Patterns of our own: they compile.
  static const auto kPatterns = [] {
    constexpr std::string_view kName = "[a-zA-Z0-9_-]+";
    std::vector<Regex> made;
    const std::string name(kName);
    for (const std::string& text :
         {std::string(R"(\bctx\(['"]?[][a-zA-Z0-9_'"\.()]*['"]?\)\.?[][a-zA-Z0-9_'"\.()]*)"),
          R"((?<=\bctx\(\)\.)()" + name + R"()\b(?!\()\.?)", R"((?:\bctx\(()" + name + R"()\)))",
          R"((?:\bctx\(\'()" + name + R"()\'\)))", R"((?:\bctx\(\"()" + name + R"()\"\)))"}) {
      made.push_back(*Regex::compile(text));
    }
    return made;
  }();
  return kPatterns[static_cast<size_t>(pattern[0] - '0')];
}

void collect_variables(std::string_view language, std::string_view text, std::string_view inside,
                       std::vector<VariableReference>& references) {
  const auto uses = compiled("0").find_all(inside);
  if (!uses) return;
  for (const RegexMatch& use : *uses) {
    const std::string_view reference = py::strip(use.group(inside, 0));
    for (const std::string_view index : {"1", "2", "3", "4"}) {
      const auto match = compiled(index).search(reference);
      if (!match || !*match) continue;
      references.push_back({std::string(language), std::string(text), std::string((*match)->group(reference, 1))});
    }
  }
}

}  // namespace

Result<Value> evaluate_workflow_value(const Value& value, const WorkflowScope& scope) {
  return Evaluation(scope).evaluate(value);
}

bool has_workflow_expression(std::string_view text) { return has_jinja(text) || has_yaql(text); }

std::vector<ExpressionProblem> validate_workflow_value(const Value& value) {
  std::vector<ExpressionProblem> problems;
  for_each_text(value, [&](std::string_view text) {
    const bool yaql = has_yaql(text);
    const bool jinja = has_jinja(text);
    if (yaql && jinja) {
      problems.push_back({"", std::string(text), "Expression with multiple types is not supported."});
    } else if (yaql) {
      validate_yaql(text, problems);
    } else if (jinja) {
      validate_jinja(text, problems);
    }
  });
  return problems;
}

std::vector<VariableReference> workflow_variables(const Value& value) {
  std::vector<VariableReference> references;
  for_each_text(value, [&](std::string_view text) {
    for (const std::string& expression : jinja_expressions(text)) {
      collect_variables("jinja", text, inside_jinja(expression), references);
    }
    for (const std::string& expression : yaql_expressions(text)) {
      collect_variables("yaql", text, inside_yaql(expression), references);
    }
  });
  std::sort(references.begin(), references.end(), [](const VariableReference& a, const VariableReference& b) {
    return std::tie(a.name, a.language, a.expression) < std::tie(b.name, b.language, b.expression);
  });
  references.erase(std::unique(references.begin(), references.end()), references.end());
  return references;
}

}  // namespace squall::expr
