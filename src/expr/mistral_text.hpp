// Expressions inside Mistral's workflow documents (mistral.md section 8): `<% YAQL %>` with `$`, `{{ Jinja }}` with
// `_`.
//
// Unlike Orquesta (workflow_text.hpp), Mistral leaves keys of dicts alone and never evaluates a result again.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "expr/host_function.hpp"
#include "value/value.hpp"

namespace squall::expr {

struct MistralScope {
  Value data;                                                  // `$` and `_`
  std::vector<std::shared_ptr<const HostFunction>> functions;  // env(), task(), ... of the host
  const Clock* clock = nullptr;                                // for now(); the system's clock when there is none
};

// Evaluates text, or all texts among a list's items and a dict's values. type() of an error: "YaqlEvaluationException"
// or "JinjaEvaluationException", with Mistral's words but without the data, which may hold secrets.
Result<Value> evaluate_mistral_value(const Value& value, const MistralScope& scope);

// Mistral's check of one text when a document comes in; other values pass. type() of an error: "YaqlGrammarException",
// "JinjaGrammarException", or "ExpressionGrammarException" for a text that mixes the two.
Status validate_mistral_text(const Value& text);

}  // namespace squall::expr
