#include "rules/pattern.hpp"

#include <array>
#include <optional>

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "text/regex.hpp"
#include "value/json.hpp"

namespace squall::rules {

struct Pattern::Templates {
  std::optional<Result<expr::JinjaTemplate>> complex;  // with "| to_complex", when the text has "{{ }}"
  Result<expr::JinjaTemplate> plain;
};

namespace {

bool has_markup(std::string_view text) {
  for (const char* mark : {"{{", "{%", "{#"}) {
    if (text.find(mark) != std::string_view::npos) return true;
  }
  return false;
}

// What Jinja makes of a text without markup: one kind of newline, and one newline at the end is dropped.
std::string rendered_plainly(std::string_view text) {
  std::string result = replace_all(replace_all(text, "\r\n", "\n"), "\r", "\n");
  if (result.ends_with('\n')) result.pop_back();
  return result;
}

// StackStorm's expression is greedy: of several "{{ }}" on a line only the last one is piped.
std::string with_to_complex(std::string_view text) {
  static const Regex markup = [] {
    Result<Regex> regex = Regex::compile("([{]{2})(.*)([}]{2})");
    SQ_ASSERT(regex.has_value());
    return *regex;
  }();
  Result<std::pair<std::string, size_t>> piped = markup.substitute(text, "\\1\\2 | to_complex\\3");
  return piped && piped->second > 0 ? piped->first : std::string();
}

bool is_value_error(const Error& error) {
  constexpr std::array<std::string_view, 5> kSubclasses = {"ValueError", "JSONDecodeError", "UnicodeError",
                                                           "UnicodeDecodeError", "UnicodeEncodeError"};
  for (const std::string_view type : kSubclasses) {
    if (error.type() == type) return true;
  }
  return false;
}

}  // namespace

Pattern::Pattern(Value raw) : raw_(std::move(raw)) {
  if (!raw_.is_string()) {
    constant_ = raw_;
    return;
  }
  const std::string text = raw_.string();
  if (!has_markup(text)) {
    constant_ = rendered_plainly(text);
    return;
  }
  const std::string complex = with_to_complex(text);
  std::optional<Result<expr::JinjaTemplate>> piped;
  if (!complex.empty()) piped = expr::JinjaTemplate::compile_cached(complex);
  templates_ =
      std::make_shared<const Templates>(Templates{std::move(piped), expr::JinjaTemplate::compile_cached(text)});
}

Result<Value> Pattern::render(const expr::Scope& scope) const {
  if (constant()) return constant_;
  if (templates_->complex) {
    const Result<expr::JinjaTemplate>& piped = *templates_->complex;
    Result<std::string> text = piped ? piped->render(scope) : Result<std::string>(fail(piped.error()));
    if (text) {
      if (Result<Value> value = parse_json(*text)) return value;
    } else if (!is_value_error(text.error())) {
      return fail(text.error());
    }
  }
  if (!templates_->plain) return fail(templates_->plain.error());
  SQ_TRY(std::string text, templates_->plain->render(scope));
  return Value(std::move(text));
}

}  // namespace squall::rules
